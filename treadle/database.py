"""The way into the database: engines for a URL, and Treadle's own tables brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError

from streams.errors import ConfigError

SCHEMA = "treadle"
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_CONNECT_TIMEOUT = "10"  # seconds, as libpq reads it
_MIGRATING = 0x7472_6561_646C_65  # "treadle": the advisory lock that one migration at a time holds


def engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine for a PostgreSQL URL, as libpq or Rails write it; it connects when first used.

    Errors do not show the values bound to a statement: they may be personal.
    Holds at most `pool_size` connections, each tested before it is handed out, in the time zone UTC, and
    named `treadle` in pg_stat_activity. Raises ConfigError when the URL cannot be read.
    """
    return create_engine(
        address(url), pool_size=pool_size, max_overflow=0, pool_pre_ping=True, hide_parameters=True
    )


def address(url: str) -> URL:
    """The URL as SQLAlchemy takes it, with our connection settings where it names none of its own."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "the database URL cannot be read; write it as postgresql://user:password@host:5432/name"
        ) from None
    if parsed.drivername not in _SCHEMES:
        raise ConfigError(
            f"the database URL begins with {parsed.drivername}://; Treadle works on PostgreSQL: postgresql://…"
        )
    query = dict(parsed.query)
    host = parsed.host
    if host and "%" in host:  # a socket folder in the host's place, as libpq allows
        query["host"], host = unquote(host), ""
    query.setdefault("application_name", SCHEMA)
    query.setdefault("connect_timeout", _CONNECT_TIMEOUT)
    # Loomio's columns have no zone and hold UTC, also where the database's own clock fills them.
    query["options"] = f"{query.get('options', '')} -c TimeZone=UTC".strip()
    return URL.create(
        "postgresql+psycopg", parsed.username, parsed.password, host, parsed.port, parsed.database, query
    )


def migrate(url: str, *, dry_run: bool = False) -> list[str]:
    """Bring Treadle's own tables up to date; answers the migrations applied, oldest first.

    With `dry_run` nothing is changed and the answer is what would be applied. All happens in one
    transaction, under a lock of its own, so that two at once are safe: the second finds nothing to do.
    Raises ConfigError when the database cannot be reached or does not let us.
    """
    with opened(url) as database, database.begin() as db:
        if dry_run:
            return due_on(db)
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
        db.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        applied = due_on(db)
        if applied:
            _upgrade(db)
        return applied


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """An engine of one connection for one errand. What the database refuses is raised as ConfigError."""
    database = engine(url, pool_size=1)
    try:
        yield database
    except DatabaseError as error:
        raise ConfigError(refusal(error)) from error
    finally:
        database.dispose()


def refusal(error: DatabaseError) -> str:
    """What the database said, on one line, without the statement."""
    return "the database cannot be used: " + " ".join(str(error.orig).split())


def due(database: Engine) -> list[str]:
    """Migrations of Treadle's own tables that this database has not seen, oldest first.

    Raises ConfigError when the database was migrated by a newer Treadle than this one.
    """
    with database.connect() as db:
        return due_on(db)


def due_on(db: Connection) -> list[str]:
    """As `due`, on a connection that is open already."""
    script = _script()
    seen = MigrationContext.configure(db, opts={"version_table_schema": SCHEMA}).get_current_heads()
    try:
        waiting = list(script.iterate_revisions("heads", seen or "base"))
    except RevisionError:
        raise ConfigError(
            f"Treadle's tables are at migration {', '.join(seen)}, which this version does not know: "
            "a newer Treadle made them; run that version or a newer one"
        ) from None
    return [_named(revision) for revision in reversed(waiting)]


def _upgrade(db: Connection) -> None:
    script = _script()

    def steps(current: object, _: MigrationContext) -> list[RevisionStep]:
        return script._upgrade_revs("heads", current)  # type: ignore[arg-type]  # Alembic types it so

    with EnvironmentContext(_config(), script, fn=steps) as environment:
        environment.configure(connection=db, version_table_schema=SCHEMA)
        environment.run_migrations()


def _named(revision: Script) -> str:
    return f"{revision.revision} {revision.doc}"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "treadle:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
