"""When: recurring moments, and a tick for each."""
