"""Migrations create Treadle's own tables, each once, however often they are run."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import psycopg
import pytest

from streams.errors import ConfigError
from treadle.database import opened
from treadle.migrations.upgrade import due, migrate


def test_migrating_creates_the_tables(fresh_database: str) -> None:
    applied = migrate(fresh_database)

    assert applied[0].startswith("0001 ")
    assert tables(fresh_database) == {
        *("alembic_version", "dead_letters", "dead_positions", "done", "schedules", "ticks")
    }


def test_a_second_migration_finds_nothing_to_do(fresh_database: str) -> None:
    migrate(fresh_database)

    assert migrate(fresh_database) == []


def test_a_dry_run_says_what_is_due_and_changes_nothing(fresh_database: str) -> None:
    would_be_applied = migrate(fresh_database, dry_run=True)

    assert tables(fresh_database) == set()
    assert would_be_applied == migrate(fresh_database)


def test_two_processes_at_the_same_time_migrate_once(fresh_database: str) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        applied = list(processes.map(migrate, [fresh_database] * 4))

    assert sorted(map(len, applied)) == [0, 0, 0, 2]


def test_due_migrations_are_listed(fresh_database: str) -> None:
    with opened(fresh_database) as database:
        before = due(database)
        migrate(fresh_database)
        after = due(database)

    assert [name.split()[0] for name in before] == ["0001", "0002"]
    assert after == []


def test_a_database_of_a_newer_treadle_is_refused(fresh_database: str) -> None:
    migrate(fresh_database)
    with psycopg.connect(fresh_database) as db:
        db.execute("UPDATE treadle.alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigError, match=r"9999.*newer Treadle"):
        migrate(fresh_database)


def test_an_unreachable_database_is_reported_in_one_line(fresh_database: str) -> None:
    with pytest.raises(ConfigError, match="the database cannot be used") as refused:
        migrate("postgresql://ann@127.0.0.1:1/nowhere")

    assert "\n" not in str(refused.value)


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as db:
        found = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'treadle'")
        return {name for (name,) in found}
