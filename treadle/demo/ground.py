"""What the tour stands on: Kafka with its topics, and a database with a practice co-op."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from streams.errors import ConfigError
from streams.topic_plan import TopicAdmin
from treadle.demo.idle import refuse_a_busy_kafka
from treadle.demo.interrupts import undisturbed
from treadle.demo.steps import Steps
from treadle.demo.waiting import MODULE
from treadle.local.postgres import answers
from treadle.local.stack import DATABASE, Stack
from treadle.practice import SIZES, create, drop
from treadle.practice.database import url_of
from treadle.settings import Settings

# Lapsed ones to begin with; the open ones lapse when the kill comes.
SIZE = replace(SIZES["small"], lapsed=60, open=280, closed=20, members=20)


@dataclass(frozen=True)
class Ground:
    """Where everything is. `home` is the folder of the tour, `stack` in it, `made` what we have to drop."""

    home: Path
    stack: Stack
    kafka: dict[str, Any]
    database: str
    name: str
    kafka_is_own: bool

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def environment(self) -> dict[str, str]:
        """For the processes of the tour."""
        given = {name: value for name, value in os.environ.items() if name != "TREADLE_WORKERS"}
        return {
            **given,
            "TREADLE_KAFKA": self.stack.kafka,
            "TREADLE_DATABASE": self.database,
            "TREADLE_WORKERS": MODULE,
        }

    @property
    def is_own(self) -> bool:
        """Whether both Kafka and PostgreSQL are the tour's own."""
        return self.name == DATABASE and self.kafka_is_own

    @property
    def how_to_remove(self) -> str:
        """The commands, for a shell, that do what `remove` does."""
        home = shlex.quote(str(self.home))
        down = f"treadle local down --delete --yes --home {home}/stack; rm -r {home}"
        return down if self.name == DATABASE else f"treadle practice drop {self.name}; {down}"

    def remove(self, *, logs: bool = True) -> None:
        """Take down what was put up, and drop what was made; with `logs=False` the logs stay."""
        _remove(self.stack, self.home, self.name, logs=logs)


def lay_out(settings: Settings, steps: Steps) -> Ground:
    """Bring up what the settings do not give, make the topics and the co-op. Raises ConfigError.

    Nothing is left when it fails.
    """
    home = Path(tempfile.mkdtemp(prefix="treadle-demo-"))
    stack = Stack(home / "stack", given_kafka=settings.kafka, given_database=settings.database, durable=False)
    # On a server of our own the co-op takes the place that `treadle local env` points to.
    name = f"treadle_demo_{os.getpid()}" if settings.database else DATABASE
    try:
        (home / "logs").mkdir()
        what = "Kafka, PostgreSQL, and a co-op to practise on"
        with steps.step(what) as tell, _making_coop(stack, name) as making:
            stack.up(tell=tell)
            kafka = settings.model_copy(update={"kafka": stack.kafka}).kafka_properties()
            if settings.kafka:
                refuse_a_busy_kafka(kafka, settings.planned_topics().tiers.by_topic)
            tell("making the topics")
            admin = TopicAdmin(kafka)
            admin.apply(admin.plan(settings.planned_topics()))
            tell("the co-op moves in")
            database = making()
    except BaseException:
        with undisturbed():
            _remove(stack, home, name)
        raise
    return Ground(home, stack, kafka, database, name, kafka_is_own=not settings.kafka)


@contextmanager
def _making_coop(stack: Stack, name: str) -> Iterator[Callable[[], str]]:
    """Make the co-op in a thread, from when PostgreSQL answers; what is yielded waits for its URL."""
    over = threading.Event()

    def make() -> str:
        while not _answers(stack):
            if over.wait(0.05):
                raise ConfigError("PostgreSQL did not come up")
        server = stack.database
        if name == DATABASE:
            server = url_of(server, "postgres")
            _drop_the_empty_one(server)
        return create(server, name, size=SIZE, now=datetime.now(UTC))

    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(make)
        try:
            yield making.result
        finally:
            over.set()


def _answers(stack: Stack) -> bool:
    try:
        return answers(stack.database)
    except ConfigError:  # not even begun
        return False


def _drop_the_empty_one(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as db:
        db.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())


def _remove(stack: Stack, home: Path, name: str, *, logs: bool = True) -> None:
    try:
        if name != DATABASE:
            drop(stack.database, name)
    finally:
        stack.down(delete=True)
        shutil.rmtree(home if logs else home / "stack", ignore_errors=True)
