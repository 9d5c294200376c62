"""Creates, fills and drops the database of a practice co-op, and never touches another one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, make_url, text

from consumers.loomio.schema import metadata
from consumers.loomio.search import index as search_index
from streams.errors import ConfigError
from treadle import database
from treadle.dev.practice import coop
from treadle.dev.practice.rows import TABLES, PartitionSequence, Row
from treadle.dev.practice.size import SIZES, Size
from treadle.migrations import upgrade

Progress = Callable[[str, int], None]
"""Called with what is being done, and how many rows are written so far."""

_MARK = "Practice co-op made by Treadle: may be dropped at any time"
_COMMENT = text(
    "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = :name"
)
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_BATCH = 20_000  # rows of one table that are sent at a time
# From about this many stances on, creating the indexes after the rows is faster than updating them.
_MANY = 20_000


def create(
    admin_url: str,
    name: str,
    *,
    size: Size = SIZES["small"],
    seed: int = 1,
    now: datetime,
    progress: Progress = lambda step, rows: None,
) -> str:
    """Create database `name` on the server of `admin_url` and fill it; returns its URL.

    It has Loomio's schema, Treadle's own tables, and the co-op at the moment `now` (aware). The same size, seed and
    `now` give the same rows, except for ids and times of the search index. If it fails, the database is dropped. Raises
    ConfigError when a database of this name exists already.
    """
    url = url_of(admin_url, name)
    with _admin(admin_url) as admin:
        if _mark(admin, name) is not None:
            raise ConfigError(f"a database {name} exists already; choose another name or drop it first")
        admin.execute(text(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'"))
        admin.execute(text(f"COMMENT ON DATABASE \"{name}\" IS '{_MARK}'"))
    progress("creating the tables", 0)
    try:
        with database.opened(url) as practice:
            with practice.begin() as db:
                metadata.create_all(db)
                _fill(db, size, coop.rows(size, seed=seed, now=now), progress)
            with practice.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
                db.execute(text("ANALYZE"))
        upgrade.migrate(url)
    except BaseException:
        drop(admin_url, name)
        raise
    return url


def drop(admin_url: str, name: str) -> bool:
    """Drop the practice co-op of this name, even with clients connected; returns whether there was one.

    Raises ConfigError when `create` did not create the database of this name.
    """
    with _admin(admin_url) as admin:
        mark = _mark(admin, name)
        if mark is None:
            return False
        if mark != _MARK:
            raise ConfigError(f"Treadle did not create database {name} as a practice co-op; it is left alone")
        admin.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        return True


def url_of(admin_url: str, name: str) -> str:
    """The URL of database `name` on the server of `admin_url`. Raises ConfigError for an unusable name."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot be a practice co-op's name; use lower-case letters, digits and _")
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
    search_index.reindex_everything(db)
    progress("creating the indexes", 0)
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
    """Drop the indexes of the tables to be filled, except keys; returns the statements that recreate them."""
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
    """Let the ids of new rows continue after ours."""
    for kind, table in TABLES.items():
        if kind is not PartitionSequence:
            last = f"(SELECT max(id) FROM {table})"
            db.execute(text(f"SELECT setval('{table}_id_seq', {last}) WHERE {last} IS NOT NULL"))
