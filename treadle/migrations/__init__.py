"""The migrations of Treadle's own tables, in schema `treadle`: one file per change, applied by Alembic."""
