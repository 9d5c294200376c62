"""One job: where it is now, and what a person decides about it."""
