"""People: the users of Loomio."""
