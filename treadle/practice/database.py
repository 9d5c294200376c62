"""Making a database for a practice co-op, filling it, and dropping it; never one that is somebody else's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, make_url, text

from consumers.loomio import schema, search
from streams.errors import ConfigError
from treadle import database, migrating
from treadle.practice import coop
from treadle.practice.rows import TABLES, PartitionSequence, Row
from treadle.practice.size import SIZES, Size

Progress = Callable[[str, int], None]
"""Hears what is being done and how many rows are written so far."""

_MARK = "Practice co-op made by Treadle: may be dropped at any time"
_COMMENT = text(
    "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = :name"
)
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_BATCH = 20_000  # rows of one table that are sent at a time
# From about this many stances on, making the indexes after the rows is faster than keeping them up.
_MANY = 20_000


def create(
    admin_url: str,
    name: str,
    *,
    size: Size = SIZES["small"],
    seed: int = 1,
    now: datetime,
    progress: Progress = lambda doing, rows: None,
) -> str:
    """Make database `name` on the server of `admin_url` and fill it; answers its URL.

    It has Loomio's schema, Treadle's own tables, and the co-op as it stands at `now` (aware). The same
    size, seed and `now` give the same rows, but for ids and times of the search index. What was begun is
    dropped when it fails. Raises ConfigError when there is a database of this name already.
    """
    url = url_of(admin_url, name)
    with _admin(admin_url) as admin:
        if _mark(admin, name) is not None:
            raise ConfigError(f"there is a database {name} already; choose another name or drop it first")
        admin.execute(text(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'"))
        admin.execute(text(f"COMMENT ON DATABASE \"{name}\" IS '{_MARK}'"))
    progress("making the tables", 0)
    try:
        with database.opened(url) as practice:
            with practice.begin() as db:
                schema.create_all(db)
                _fill(db, size, coop.rows(size, seed=seed, now=now), progress)
            with practice.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
                db.execute(text("ANALYZE"))
        migrating.migrate(url)
    except BaseException:
        drop(admin_url, name)
        raise
    return url


def drop(admin_url: str, name: str) -> bool:
    """Drop the practice co-op of this name, whoever is connected; answers whether there was one.

    Raises ConfigError when the database of this name was not made by `create`.
    """
    with _admin(admin_url) as admin:
        mark = _mark(admin, name)
        if mark is None:
            return False
        if mark != _MARK:
            raise ConfigError(f"database {name} is no practice co-op of Treadle's; it is left alone")
        admin.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        return True


def url_of(admin_url: str, name: str) -> str:
    """The URL of database `name` on the server of `admin_url`. Raises ConfigError for an unusable name."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot name a practice co-op; use small letters, digits and _")
    database.address(admin_url)
    return make_url(admin_url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def _admin(admin_url: str) -> Iterator[Connection]:
    with (
        database.opened(admin_url) as server,
        server.connect().execution_options(isolation_level="AUTOCOMMIT") as db,
    ):
        yield db


def _mark(admin: Connection, name: str) -> str | None:
    """The comment on the database of this name, "" when it has none; None when there is no such database."""
    mark: str | None = admin.scalar(_COMMENT, {"name": name})
    return mark


def _fill(db: Connection, size: Size, rows: Iterable[Row], progress: Progress) -> None:
    polls = size.open + size.closing_soon + size.lapsed + size.closed
    indexes = _take_indexes(db) if size.members * polls > _MANY else []
    _load(db, rows, progress)
    progress("writing the search rows", 0)
    search.reindex_everything(db)
    progress("making the indexes", 0)
    for index in indexes:
        db.execute(text(index))
    _set_sequences(db)


def _load(db: Connection, rows: Iterable[Row], progress: Progress) -> None:
    waiting: dict[type[Row], list[Row]] = {kind: [] for kind in TABLES}
    written = 0
    driver = db.connection.cursor()
    for row in rows:
        batch = waiting[type(row)]
        batch.append(row)
        if len(batch) >= _BATCH:
            written += _copy(driver, type(row), batch)
            progress("writing rows", written)
            batch.clear()
    for kind, batch in waiting.items():
        written += _copy(driver, kind, batch)
    progress("writing rows", written)


def _copy(cursor: Any, kind: type[Row], batch: list[Row]) -> int:
    columns = ", ".join(f'"{column}"' for column in kind._fields)
    with cursor.copy(f'COPY public."{TABLES[kind]}" ({columns}) FROM STDIN') as copy:
        for row in batch:
            copy.write_row(row)
    return len(batch)


def _take_indexes(db: Connection) -> list[str]:
    """Drop the indexes that are no keys from the tables to be filled; answers how to make them again."""
    tables = [*TABLES.values(), "pg_search_documents"]
    found = db.execute(
        text(
            """
            SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
            FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
            WHERE t.relnamespace = 'public'::regnamespace AND t.relname = ANY(:tables)
              AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
            ORDER BY 1
            """
        ),
        {"tables": tables},
    ).all()
    for name, _ in found:
        db.execute(text(f"DROP INDEX {name}"))
    return [definition for _, definition in found]


def _set_sequences(db: Connection) -> None:
    """Let the ids of new rows go on after ours."""
    for kind, table in TABLES.items():
        if kind is not PartitionSequence:
            last = f"(SELECT max(id) FROM {table})"
            db.execute(text(f"SELECT setval('{table}_id_seq', {last}) WHERE {last} IS NOT NULL"))
