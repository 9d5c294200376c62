"""How is it going, and what a person may do about it."""
