"""Pytest fixtures: a practice co-op for each test. Enable them with `pytest_plugins = ["treadle.testing"]`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from streams.errors import ConfigError
from treadle.database import engine
from treadle.dev import practice
from treadle.settings import read_settings
from treadle.testing.copies import copied, unused_name


@dataclass(frozen=True)
class Template:
    """A database that is only copied: its server, and its name there."""

    server_url: str
    name: str


@pytest.fixture(scope="session")
def practice_template() -> Iterator[Template]:
    """The practice co-op that `practice_database` copies, made once in a run, as it stands at that moment."""
    name = unused_name()
    with _failing():
        server_url = read_settings().database_url()
        size = practice.SIZES["tiny"]
        practice.create(server_url, name, size=size, now=datetime.now(UTC))
    yield Template(server_url, name)
    practice.drop(server_url, name)


@pytest.fixture
def practice_database(practice_template: Template) -> Iterator[Engine]:
    """A tiny practice co-op for this test alone: Loomio's tables with rows, and Treadle's own. Dropped afterwards.

    It is the co-op of `treadle practice create --size tiny`: 1 group, 8 members, 9 open, 2 closing soon, 2 lapsed and
    9 closed polls. It lies in a database of its own on the server of TREADLE_DATABASE, whose user must be allowed to
    create databases; the database named there is left alone. Without a server it fails and says what to set.
    """
    with copied(practice_template.server_url, practice_template.name) as url:
        database = engine(url)
        yield database
        database.dispose()


@contextmanager
def _failing() -> Iterator[None]:
    """A server that is missing or refuses is reported without the traceback."""
    try:
        yield
    except ConfigError as error:
        raise pytest.fail.Exception(f"practice_database cannot be created: {error}", pytrace=False) from None
