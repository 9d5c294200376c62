"""Dead letters, for people: who is still dead, and what is done about it."""
