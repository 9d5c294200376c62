"""Migrates Treadle's own tables. Apart from `treadle.database`, so that a consumer does not load Alembic."""

from __future__ import annotations

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import Connection, Engine, text

from streams.errors import ConfigError
from treadle.database import SCHEMA, opened

_LOCK = 0x7472_6561_646C_65  # "treadle": the advisory lock that lets one migration run at a time


def migrate(url: str, *, dry_run: bool = False) -> list[str]:
    """Bring Treadle's own tables up to date, and return the migrations applied, oldest first.

    With `dry_run` nothing is changed, and those that would be applied are returned. Everything happens in one
    transaction, under an advisory lock, so concurrent runs are safe: the second finds nothing to do. Raises
    ConfigError when the database cannot be reached or refuses.
    """
    with opened(url) as database, database.begin() as db:
        if dry_run:
            return due_on(db)
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        db.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        applied = due_on(db)
        if applied:
            _upgrade(db)
        return applied


def due(database: Engine) -> list[str]:
    """The pending migrations of Treadle's own tables, oldest first.

    Raises ConfigError when the database was migrated by a newer Treadle than this one.
    """
    with database.connect() as db:
        return due_on(db)


def due_on(db: Connection) -> list[str]:
    """As `due`, on an open connection."""
    script = _script()
    seen = MigrationContext.configure(db, opts={"version_table_schema": SCHEMA}).get_current_heads()
    try:
        waiting = list(script.iterate_revisions("heads", seen or "base"))
    except RevisionError:
        raise ConfigError(
            f"Treadle's tables are at migration {', '.join(seen)}, which this version does not know: "
            "a newer Treadle migrated them; run that version or a later one"
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
