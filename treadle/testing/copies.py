"""Copies of a template database, so that each test has its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from treadle.database import opened
from treadle.dev.practice.database import url_of

_MARK = "Made by Treadle for tests: may be dropped at any time"


@contextmanager
def copied(server_url: str, template: str) -> Iterator[str]:
    """A new database with all that `template` holds, on the same server; gives its URL, and drops it in the end.

    `server_url` names any database of that server, which is left alone, and a user who may create databases. Raises
    ConfigError when the server cannot be reached or refuses.
    """
    name = unused_name()
    create = f'CREATE DATABASE "{name}" TEMPLATE "{template}"'
    _administer(server_url, create, f"COMMENT ON DATABASE \"{name}\" IS '{_MARK}'")
    try:
        yield url_of(server_url, name)
    finally:
        _administer(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def unused_name() -> str:
    """A name for a database of a test, unlike that of any other run on the same server."""
    return f"treadle_test_{uuid.uuid4().hex[:12]}"


def _administer(server_url: str, *statements: str) -> None:
    with (
        opened(server_url) as server,
        server.connect().execution_options(isolation_level="AUTOCOMMIT") as db,
    ):
        for statement in statements:
            db.execute(text(statement))
