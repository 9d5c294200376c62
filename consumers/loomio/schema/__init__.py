"""Loomio's schema: its tables as SQLAlchemy objects, and SQL expressions over them."""
