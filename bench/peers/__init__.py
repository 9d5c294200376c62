"""One file per peer, and one for our own side: how it is started, filled and stopped."""
