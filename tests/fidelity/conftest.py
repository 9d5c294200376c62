"""Databases for these tests: each test gets its own, copied from a template that is made once."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from consumers.loomio import schema

GOLDEN = Path(__file__).parent / "golden"

Copy = Callable[[str], str]


@pytest.fixture(scope="session")
def copy_of(postgres_url: str) -> Iterator[Copy]:
    """Copies a database and returns the URL: "golden" has the rows of the golden cases, "empty" has none.

    All are dropped at the end.
    """
    names = (f"fidelity_{os.getpid()}_{number}" for number in itertools.count())
    made: list[str] = []
    templates: dict[str, str] = {}
    with psycopg.connect(postgres_url, autocommit=True) as server:

        def create(template: str) -> str:
            name = next(names)
            server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
            made.append(name)
            return name

        def copy(kind: str) -> str:
            if kind not in templates:
                templates[kind] = create("template0")
                _FILL[kind](make_conninfo(postgres_url, dbname=templates[kind]))
            return make_conninfo(postgres_url, dbname=create(templates[kind]))

        yield copy
        for name in reversed(made):
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def empty_loomio(copy_of: Copy) -> Iterator[Engine]:
    engine = engine_of(copy_of("empty"))
    yield engine
    engine.dispose()


@pytest.fixture
def loomio(empty_loomio: Engine) -> Iterator[Engine]:
    """A Loomio without a single row; swept when the test is over."""
    yield empty_loomio
    with empty_loomio.begin() as db:
        for table in reversed(schema.metadata().sorted_tables):
            db.execute(table.delete())


def engine_of(url: str) -> Engine:
    """An engine for a libpq URL. Its sessions live far from UTC: nothing may depend on their time zone."""
    options = "-c timezone=Asia/Kolkata -c synchronous_commit=off"
    return create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url, options=options), poolclass=NullPool
    )


def _fill_golden(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute((GOLDEN / "fixture.sql").read_bytes())


def _fill_empty(url: str) -> None:
    engine = engine_of(url)
    with engine.begin() as db:
        schema.create_all(db)
    engine.dispose()


_FILL = {"golden": _fill_golden, "empty": _fill_empty}
