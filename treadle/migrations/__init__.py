"""How Treadle's own tables, in schema `treadle`, came to be: one file per change, applied by Alembic."""
