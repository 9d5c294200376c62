"""What the demo runs on: Kafka with its topics, and a database with a practice co-op."""

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
from streams.kafka.topic_admin import TopicAdmin
from treadle.dev.demo import workers
from treadle.dev.demo.idle import refuse_a_busy_kafka
from treadle.dev.demo.interrupts import undisturbed
from treadle.dev.demo.steps import Steps
from treadle.dev.local.postgres import answers
from treadle.dev.local.stack import DATABASE, Stack
from treadle.dev.practice import SIZES, create, drop
from treadle.dev.practice.database import url_of
from treadle.settings import Settings

# The lapsed polls are for part 1; the open ones lapse in part 4.
SIZE = replace(SIZES["small"], lapsed=60, open=280, closed=20, members=20)


@dataclass(frozen=True)
class Environment:
    """`folder` holds everything of the demo, also the `stack`. `name` is the database's."""

    folder: Path
    stack: Stack
    kafka: dict[str, Any]
    database: str
    name: str
    kafka_is_own: bool

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def env(self) -> dict[str, str]:
        """Environment variables for the processes of the demo."""
        given = {name: value for name, value in os.environ.items() if name != "TREADLE_WORKERS"}
        return {
            **given,
            "TREADLE_KAFKA": self.stack.kafka,
            "TREADLE_DATABASE": self.database,
            "TREADLE_WORKERS": workers.__name__,
        }

    @property
    def is_own(self) -> bool:
        """Whether both Kafka and PostgreSQL are the demo's own."""
        return self.name == DATABASE and self.kafka_is_own

    @property
    def how_to_remove(self) -> str:
        """The commands, for a shell, that do what `remove` does."""
        folder = shlex.quote(str(self.folder))
        down = f"treadle local down --delete --yes --home {folder}/stack; rm -r {folder}"
        return down if self.name == DATABASE else f"treadle practice drop {self.name}; {down}"

    def remove(self, *, logs: bool = True) -> None:
        """Stop what was started and drop what was created; with `logs=False` the logs are kept."""
        _remove(self.stack, self.folder, self.name, logs=logs)


def create_environment(settings: Settings, steps: Steps) -> Environment:
    """Start what the settings do not give, and create the topics and the co-op. Raises ConfigError.

    Nothing is left behind when it fails.
    """
    folder = Path(tempfile.mkdtemp(prefix="treadle-demo-"))
    stack = Stack(
        folder / "stack", given_kafka=settings.kafka, given_database=settings.database, durable=False
    )
    # On our own server the co-op replaces the database that `treadle local env` names.
    name = f"treadle_demo_{os.getpid()}" if settings.database else DATABASE
    try:
        (folder / "logs").mkdir()
        what = "Kafka and PostgreSQL start, and a practice co-op is created"
        with steps.step(what) as progress, _creating_coop(stack, name) as created:
            stack.up(progress=progress)
            kafka = settings.model_copy(update={"kafka": stack.kafka}).kafka_properties()
            if settings.kafka:
                refuse_a_busy_kafka(kafka, settings.planned_topics().tiers.by_topic)
            progress("creating the topics")
            admin = TopicAdmin(kafka)
            admin.apply(admin.plan(settings.planned_topics()))
            progress("creating the co-op")
            database = created()
    except BaseException:
        with undisturbed():
            _remove(stack, folder, name)
        raise
    return Environment(folder, stack, kafka, database, name, kafka_is_own=not settings.kafka)


@contextmanager
def _creating_coop(stack: Stack, name: str) -> Iterator[Callable[[], str]]:
    """Create the co-op in a thread once PostgreSQL answers; what is yielded waits for its URL."""
    over = threading.Event()

    def create_when_up() -> str:
        while not _answers(stack):
            if over.wait(0.05):
                raise ConfigError("PostgreSQL did not start")
        server = stack.database
        if name == DATABASE:
            server = url_of(server, "postgres")
            _drop_the_empty_one(server)
        return create(server, name, size=SIZE, now=datetime.now(UTC))

    with ThreadPoolExecutor(1) as pool:
        creating = pool.submit(create_when_up)
        try:
            yield creating.result
        finally:
            over.set()


def _answers(stack: Stack) -> bool:
    try:
        return answers(stack.database)
    except ConfigError:  # it has not been started yet
        return False


def _drop_the_empty_one(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as db:
        db.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())


def _remove(stack: Stack, folder: Path, name: str, *, logs: bool = True) -> None:
    try:
        if name != DATABASE:
            drop(stack.database, name)
    finally:
        stack.down(delete=True)
        shutil.rmtree(folder if logs else folder / "stack", ignore_errors=True)
