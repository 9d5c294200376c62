"""What `treadle check` checks."""
