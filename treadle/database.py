"""Connections to the database: engines for a URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from streams.errors import ConfigError

SCHEMA = "treadle"
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_CONNECT_TIMEOUT = "10"  # seconds, as libpq reads it


def engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine for a PostgreSQL URL, as libpq or Rails write it; it connects when first used.

    It has at most `pool_size` connections, each tested before use, in the time zone UTC, and named `treadle` in
    pg_stat_activity. Errors do not show the values bound to a statement: they may be personal. Raises ConfigError
    when the URL cannot be read.
    """
    return create_engine(
        address(url), pool_size=pool_size, max_overflow=0, pool_pre_ping=True, hide_parameters=True
    )


def address(url: str) -> URL:
    """The URL as SQLAlchemy takes it, with our connection settings unless it has its own."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "the database URL cannot be read; write it as postgresql://user:password@host:5432/name"
        ) from None
    if parsed.drivername not in _SCHEMES:
        raise ConfigError(
            f"the database URL begins with {parsed.drivername}://; Treadle needs PostgreSQL: postgresql://…"
        )
    query = dict(parsed.query)
    host = parsed.host
    if host and "%" in host:  # a socket folder instead of a host, as libpq allows
        query["host"], host = unquote(host), ""
    query.setdefault("application_name", SCHEMA)
    query.setdefault("connect_timeout", _CONNECT_TIMEOUT)
    # Loomio's columns have no time zone and hold UTC, even where the database's own clock fills them.
    query["options"] = f"{query.get('options', '')} -c TimeZone=UTC".strip()
    return URL.create(
        "postgresql+psycopg", parsed.username, parsed.password, host, parsed.port, parsed.database, query
    )


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """An engine with one connection, for one task. Errors of the database are raised as ConfigError."""
    database = engine(url, pool_size=1)
    try:
        yield database
    except DatabaseError as error:
        raise ConfigError(refusal(error)) from error
    finally:
        database.dispose()


def refusal(error: DatabaseError) -> str:
    """The database's error, on one line, without the statement."""
    return "the database cannot be used: " + " ".join(str(error.orig).split())
