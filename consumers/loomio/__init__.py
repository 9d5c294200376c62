"""Loomio's database as questions and changes, in Loomio's language."""
