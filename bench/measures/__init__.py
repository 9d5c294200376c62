"""One file per measure: a function that takes a `Bench` and returns figures."""
