"""Kafka and PostgreSQL for a test run, or with pytest-xdist for each of its workers."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.brokers import bring_up
from tests.support.guardian import guarded
from treadle.dev.local.stack import Stack


@dataclass(frozen=True)
class Addresses:
    """Where the tests find Kafka (bootstrap servers) and an administrator's database (libpq URL)."""

    kafka: str
    database: str


@contextmanager
def servers() -> Iterator[Addresses]:
    """Those in the settings; else containers, if TREADLE_TEST_STACK asks for them; else local processes."""
    given_kafka, given_database = os.environ.get("TREADLE_KAFKA"), os.environ.get("TREADLE_DATABASE")
    if given_kafka and os.environ.get("PYTEST_XDIST_WORKER"):
        pytest.exit("one Kafka serves one worker: with TREADLE_KAFKA run the tests without -n", returncode=2)
    if given_kafka and given_database:
        yield Addresses(given_kafka, given_database)
    elif os.environ.get("TREADLE_TEST_STACK") == "containers":
        from tests.support.containers import containers

        with containers() as (kafka, database):
            yield Addresses(given_kafka or kafka, given_database or database)
    else:
        with tempfile.TemporaryDirectory(prefix="treadle-tests-") as folder, _stopped_by_sigterm():
            home = Path(folder, "stack")
            local = Stack(home, given_kafka=given_kafka, given_database=given_database, durable=False)
            with guarded(home):
                try:
                    bring_up(local)
                    yield Addresses(local.kafka, local.database)
                finally:
                    local.down(delete=True)


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does, so that no process is left behind.

    It uses the handler of SIGINT rather than the signal, which a background run ignores.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
