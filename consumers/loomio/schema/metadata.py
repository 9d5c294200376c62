"""Loomio's tables as SQLAlchemy metadata, built from `schema.yaml`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DefaultClause,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, CITEXT, HSTORE, INET, JSONB, TIMESTAMP, TSVECTOR, VARCHAR
from sqlalchemy.types import TypeEngine

from streams.errors import ConfigError

_EXTENSIONS = ("citext", "hstore")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times as fast


class Moment(TypeDecorator[datetime]):
    """A moment, aware and in UTC in Python; Loomio's columns hold it without a time zone."""

    impl = TIMESTAMP
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; pass an aware datetime")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


_TYPES: dict[str, TypeEngine[Any]] = {
    "bigint": BigInteger(),
    "bigserial": BigInteger(),
    "boolean": Boolean(),
    "citext": CITEXT(),
    "date": Date(),
    "hstore": HSTORE(),
    "inet": INET(),
    "integer": Integer(),
    "jsonb": JSONB(none_as_null=True),
    "serial": Integer(),
    "text": Text(),
    "timestamp": Moment(),
    "timestamp(6)": Moment(precision=6),
    "tsvector": TSVECTOR(),
    "varchar": VARCHAR(),
    "varchar[]": ARRAY(VARCHAR()),
}


@cache
def metadata() -> MetaData:
    """All of Loomio's tables, read once per process. Callers share it, so do not add to it."""
    source = files(__package__).joinpath("schema.yaml").read_bytes()
    return metadata_of(yaml.load(source, Loader=_LOADER))


def metadata_of(schema: dict[str, Any]) -> MetaData:
    """The tables that `schema`, in the form of `schema.yaml`, describes."""
    described = MetaData()
    for name, table in (schema["tables"] | schema["rails_internal_tables"]).items():
        Table(name, described, *_columns(table), *_indexes(table), *_foreign_keys(table))
    return described


def create_all(db: Connection) -> None:
    """Create Loomio's schema: extensions, schema `pghero`, every table with its indexes.

    The database must be empty. Needs permission to create the extensions citext and hstore.
    """
    for extension in _EXTENSIONS:
        db.execute(text(f"CREATE EXTENSION IF NOT EXISTS {extension} WITH SCHEMA public"))
    # users.secret_token calls pgcrypto's function by its schema; PostgreSQL's own is the same.
    if db.scalar(text("SELECT to_regprocedure('public.gen_random_uuid()')")) is None:
        db.execute(
            text(
                "CREATE FUNCTION public.gen_random_uuid() RETURNS uuid LANGUAGE sql VOLATILE "
                "AS 'SELECT pg_catalog.gen_random_uuid()'"
            )
        )
    db.execute(text("CREATE SCHEMA IF NOT EXISTS pghero"))
    metadata().create_all(db, checkfirst=False)


def _columns(table: dict[str, Any]) -> Iterator[Column[Any]]:
    for name, facts in table["columns"].items():
        default = facts.get("default")
        yield Column(
            name,
            _type(facts["type"]),
            primary_key=facts.get("primary", False),
            nullable=facts.get("null", True),
            server_default=None if default is None else DefaultClause(text(default)),
            autoincrement="serial" in facts["type"],
        )


def _type(name: str) -> TypeEngine[Any]:
    if limited := re.fullmatch(r"varchar\((\d+)\)", name):
        return VARCHAR(int(limited[1]))
    try:
        return _TYPES[name]
    except KeyError:
        raise ConfigError(f"schema.yaml: no column type is called {name!r}") from None


def _indexes(table: dict[str, Any]) -> Iterator[Index]:
    for facts in table.get("indexes", ()):
        order = facts.get("order", {})
        where = facts.get("where")
        yield Index(
            facts["name"],
            *(
                text(f"{column} {order[column]}") if column in order else column
                for column in facts["columns"]
            ),
            unique=facts.get("unique", False),
            postgresql_using=facts.get("using", "btree"),
            postgresql_where=None if where is None else text(where),
        )


def _foreign_keys(table: dict[str, Any]) -> Iterator[ForeignKeyConstraint]:
    for facts in table.get("foreign_keys", ()):
        targets = [f"{facts['references']}.{column}" for column in facts["referenced_columns"]]
        yield ForeignKeyConstraint(facts["columns"], targets, name=facts["name"])
