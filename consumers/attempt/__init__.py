"""One attempt: a message becomes an outcome."""
