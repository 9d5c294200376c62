"""One attempt of one job in the foreground."""
