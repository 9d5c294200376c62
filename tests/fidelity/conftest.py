"""Databases for these tests: each test gets its own, copied from a template that is created once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool

from consumers.attempt.transactions import done
from consumers.loomio.schema import metadata
from treadle.migrations.upgrade import migrate
from treadle.testing.copies import copied

GOLDEN = Path(__file__).parent / "golden"

Copy = Callable[[str], str]


@pytest.fixture(scope="session")
def copy_of(postgres_url: str) -> Iterator[Copy]:
    """Copies a database and returns the URL: "golden" has the rows of the golden cases, "empty" has none.

    Both have Treadle's own tables, too; "dump" is golden and "tables" is empty without them. All are dropped at the
    end.
    """
    templates: dict[str, str] = {"template0": "template0"}
    with ExitStack() as copies:

        def copy(kind: str) -> str:
            if kind not in templates:
                base, fill = _FILL[kind]
                fill(url := copy(base))
                templates[kind] = make_url(url).database or ""
            return copies.enter_context(copied(postgres_url, templates[kind]))

        yield copy


@pytest.fixture(scope="session")
def empty_loomio(copy_of: Copy) -> Iterator[Engine]:
    engine = engine_of(copy_of("empty"))
    yield engine
    engine.dispose()


@pytest.fixture
def loomio(empty_loomio: Engine) -> Iterator[Engine]:
    """A Loomio database without a single row, and emptied again after the test."""
    yield empty_loomio
    with empty_loomio.begin() as db:
        for table in (done, *reversed(metadata.metadata().sorted_tables)):
            db.execute(table.delete())


def engine_of(url: str) -> Engine:
    """An engine for a libpq URL. Its sessions are in a time zone far from UTC: nothing may depend on it."""
    options = "-c timezone=Asia/Kolkata -c synchronous_commit=off"
    return create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url, options=options), poolclass=NullPool
    )


def _load_dump(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute((GOLDEN / "fixture.sql").read_bytes())


def _make_tables(url: str) -> None:
    engine = engine_of(url)
    with engine.begin() as db:
        metadata.create_all(db)
    engine.dispose()


# What each is copied from, and filled with.
_FILL: dict[str, tuple[str, Callable[[str], object]]] = {
    "dump": ("template0", _load_dump),
    "tables": ("template0", _make_tables),
    "golden": ("dump", migrate),
    "empty": ("tables", migrate),
}
