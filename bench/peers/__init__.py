"""One file for each peer, and our own side: how it is started, filled and stopped."""
