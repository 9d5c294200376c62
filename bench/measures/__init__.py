"""One file for each measure: a function that takes a `Bench` and gives figures."""
