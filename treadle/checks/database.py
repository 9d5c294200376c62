"""Everything that is wrong with Loomio's database, as far as Treadle uses it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql

from consumers.loomio.schema import metadata
from streams.errors import ConfigError
from treadle.checks.finding import Finding
from treadle.checks.loomio_used import USED
from treadle.database import address, opened
from treadle.migrations.upgrade import due_on

_WHERE = "Loomio's database"
_OURS = "Treadle's tables (schema treadle)"
_NEWER = (
    "This Treadle supports the schema of Loomio 3.0.11: run Loomio's migrations, or another Treadle release"
)
_UNUSABLE = "Start it, or correct TREADLE_DATABASE (host, port, name, user, password)"
_OTHER_DATABASE = "Make sure that TREADLE_DATABASE names Loomio's own database"
_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
_COLUMNS = text(
    """
    SELECT t.relname, a.attname, format_type(a.atttypid, a.atttypmod)
    FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid
    WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND a.attnum > 0 AND NOT a.attisdropped
    """
)


def findings(url: str) -> list[Finding]:
    """Compare the database at `url` with what Treadle uses of it. Empty when all is well. Changes nothing."""
    try:
        address(url)
    except ConfigError as error:
        return [Finding(str(error), "TREADLE_DATABASE", "Correct the setting")]
    try:
        with opened(url) as database, database.connect() as db:
            return [*_loomio(db), *_ours(db)]
    except ConfigError as error:
        return [Finding(str(error), _WHERE, _UNUSABLE)]


def _loomio(db: Connection) -> Iterator[Finding]:
    there: dict[str, dict[str, str]] = {}
    for table, column, type_name in db.execute(_COLUMNS):
        there.setdefault(table, {})[column] = _plain(type_name)
    if not any(name in there for name in USED):
        yield Finding("none of Loomio's tables is there", _WHERE, _OTHER_DATABASE)
        return
    for name, columns in USED.items():
        if name in there:
            yield from _table(metadata.metadata().tables[name], columns, there[name])
        else:
            yield Finding(f"table {name} is missing", _WHERE, _NEWER)


def _table(table: Table, columns: tuple[str, ...], there: dict[str, str]) -> Iterator[Finding]:
    where = f"{_WHERE}, table {table.name}"
    for name in columns:
        wanted = _plain(table.columns[name].type.compile(_POSTGRESQL))
        if name not in there:
            yield Finding(f"column {name} ({wanted}) is missing", where, _NEWER)
        elif there[name] != wanted:
            yield Finding(f"column {name} is {there[name]}, Treadle expects {wanted}", where, _NEWER)


def _ours(db: Connection) -> Iterator[Finding]:
    try:
        waiting = due_on(db)
    except ConfigError as error:
        yield Finding(str(error), _OURS, "See `treadle migrate --dry-run`")
        return
    for migration in waiting:
        yield Finding(f"migration {migration} is pending", _OURS, "Run `treadle migrate`")


def _plain(type_name: str) -> str:
    """A type in PostgreSQL's normal spelling, without differences that do not matter to us.

    An extension's type includes its schema when that is not on the search path, and timestamp(6) stores the same as
    timestamp.
    """
    plain = type_name.lower().removeprefix("public.")
    if plain.startswith("varchar"):
        plain = "character varying" + plain.removeprefix("varchar")
    return plain.replace("timestamp(6)", "timestamp")
