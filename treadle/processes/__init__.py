"""The composition root: one file per process."""
