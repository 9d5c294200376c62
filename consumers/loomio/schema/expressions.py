"""SQL expressions that several queries share."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, any_, func, literal


def database_time() -> ColumnElement[datetime]:
    """When the current transaction began, by the database's own clock, in UTC as Loomio's columns hold it."""
    return func.timezone("UTC", func.now())


def among(column: ColumnElement[Any], ids: Collection[int]) -> ColumnElement[bool]:
    """Whether a column holds one of these ids.

    They are passed as one array: one parameter for each would hit PostgreSQL's limit of 65,535.
    """
    return column == any_(literal(sorted(ids), ARRAY(Integer)))
