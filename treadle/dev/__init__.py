"""What only trials, tests and benchmarks need: the local stack, the practice co-op, the demo."""
