"""One Kafka and one PostgreSQL for the whole run, started when the first test asks for them."""

import itertools
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import psycopg
import pytest

from treadle.local.stack import Stack

# A limit on the time of one example would fail on a busy machine, and say nothing of the code.
hypothesis.settings.register_profile("treadle", deadline=None)
hypothesis.settings.load_profile("treadle")

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Addresses:
    """Where the tests find Kafka (bootstrap servers) and an administrator's database (libpq URL)."""

    kafka: str
    database: str


@pytest.fixture(scope="session")
def stack() -> Iterator[Addresses]:
    """Kafka and PostgreSQL: those named by the settings, else containers if so wished, else our own."""
    given_kafka, given_database = os.environ.get("TREADLE_KAFKA"), os.environ.get("TREADLE_DATABASE")
    if given_kafka and given_database:
        yield Addresses(given_kafka, given_database)
    elif os.environ.get("TREADLE_TEST_STACK") == "containers":
        from tests.containers import containers

        with containers() as (kafka, database):
            yield Addresses(given_kafka or kafka, given_database or database)
    else:
        with tempfile.TemporaryDirectory(prefix="treadle-tests-") as folder, _stopped_by_sigterm():
            local = Stack(
                Path(folder, "stack"), given_kafka=given_kafka, given_database=given_database, durable=False
            )
            try:
                local.up()
                yield Addresses(local.kafka, local.database)
            finally:
                local.down(delete=True)


@pytest.fixture(scope="session")
def kafka(stack: Addresses) -> str:
    """Bootstrap servers of a real broker, which all tests share: use topics and groups of your own."""
    return stack.kafka


@pytest.fixture(scope="session")
def postgres_url(stack: Addresses) -> str:
    """An administrator's database on a real server, which all tests share, as a libpq URL."""
    return stack.database


@pytest.fixture
def fresh_database(postgres_url: str) -> Iterator[str]:
    """An empty database for this test alone, as a libpq URL. It is dropped afterwards."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _administer(postgres_url, f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    finally:
        _administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(statement.encode())


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """A SIGTERM ends the run as Ctrl-C does, so that it leaves no process either.

    By its handler, not by its signal: a run in the background ignores that.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
