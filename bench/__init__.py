"""Side-by-side benchmarks: `python -m bench`. docs/benchmarks.md says how each figure is taken."""
