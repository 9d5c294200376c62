"""The commands about dead letters."""
