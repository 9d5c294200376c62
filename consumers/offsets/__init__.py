"""Which offsets of a partition are complete, and what a commit says about them."""
