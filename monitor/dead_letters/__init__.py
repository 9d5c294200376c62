"""Dead letters, for people: which jobs are dead, and what is done about them."""
