"""What every test may ask for: servers, databases, commands. Also in which order and how many at once they run."""

import itertools
import os
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import psutil
import psycopg
import pytest

from tests.support.alone import turn
from tests.support.commands import Commands
from tests.support.forks import ForkServer
from tests.support.servers import Addresses, servers
from tests.support.topics import Topics, looking_into

# A limit on the time of one example would fail on a busy machine, and say nothing of the code.
hypothesis.settings.register_profile("treadle", deadline=None)
hypothesis.settings.load_profile("treadle")

# Files that take longest come first: what is short fills up the end of whichever worker is ready sooner.
FIRST = ("journeys", "chaos", "integration")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stack() -> Iterator[Addresses]:
    """Kafka and PostgreSQL; each worker of pytest-xdist has its own."""
    with servers() as addresses:
        yield addresses


@pytest.fixture(scope="session")
def kafka(stack: Addresses) -> str:
    """Bootstrap servers of a real broker, which all tests share: use topics and groups of your own."""
    return stack.kafka


@pytest.fixture(scope="session")
def topics(kafka: str) -> Iterator[Topics]:
    """That broker with all of our topics, and a way to look into it."""
    with looking_into(kafka) as topics:
        yield topics


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """Starts `treadle` commands."""
    with ForkServer() as forks:
        yield Commands(forks)


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


@pytest.fixture(scope="session", autouse=True)
def nothing_runs_on() -> Iterator[None]:
    """After the last test no process that we started is left, nor what multiprocessing starts beside its own."""
    before = psutil.Process().children(recursive=True)
    yield
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]  # there is no public way
    left = [each for each in psutil.Process().children(recursive=True) if each not in before]
    assert left == []


@pytest.fixture(autouse=True)
def at_its_turn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A test marked `alone` runs while no other worker runs one."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    with turn(_of_all_workers(tmp_path_factory), alone="alone" in request.keywords):
        yield


def _of_all_workers(factory: pytest.TempPathFactory) -> Path:
    return factory.getbasetemp().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {folder: number for number, folder in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.parent.name, len(FIRST)))


def _administer(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(statement.encode())
