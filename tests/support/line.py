"""Runs Treadle's commands as separate processes, and reads what they leave in Kafka."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import TopicPartition

from streams.job import Queue
from streams.message import Message, Received
from streams.topics import topic_of
from tests.support.chaos import LONG
from tests.support.commands import Commands
from tests.support.shell import Shell
from tests.support.started import Started, handles
from tests.support.topics import Offsets, Topics
from tests.support.waiting import wait_until


class Line(Shell):
    """The line from command to Kafka and back, as one test uses it.

    `log` is what its processes wrote to stderr, `out` what they printed. Neither the test nor its processes see
    messages from before the test.
    """

    def __init__(self, topics: Topics, commands: Commands, folder: Path) -> None:
        super().__init__(commands, folder, {"KAFKA": topics.kafka})
        self.topics = topics
        self.kafka = topics.kafka
        self.processes: list[Started] = []
        self.begin = topics.commit_end_offsets()

    @property
    def log(self) -> str:
        return (self.folder / "stderr").read_text()

    @property
    def out(self) -> list[str]:
        path = self.folder / "stdout"
        return path.read_text().splitlines() if path.exists() else []

    def start(self, *arguments: str, fresh: bool = False, **settings: str) -> Started:
        """Start a process that runs until it is stopped, at the latest when the test ends."""
        return self.start_command("run", *arguments, fresh=fresh, **settings)

    def start_command(self, *arguments: str, fresh: bool = False, **settings: str) -> Started:
        """Start a command that may take long. It prints to `out` and logs to `log` as well."""
        name = self._name(len(self.processes))  # Faust reads the second variable
        with (self.folder / "stdout").open("ab") as out, (self.folder / "stderr").open("ab") as err:
            process = self.commands.start(
                *arguments,
                folder=self.folder,
                environment=self.environment(KAFKA_CLIENT_ID=name, **settings) | {"BROKER_CLIENT_ID": name},
                streams=(0, out.fileno(), err.fileno()),
                fresh=fresh,
            )
        self.processes.append(process)
        return process

    def end(self, process: Started, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the exit code. SIGTERM is sent once the process handles it."""
        if number == signal.SIGTERM:
            wait_until(
                lambda: process.poll() is not None or handles(process, number),
                what="the process handles SIGTERM",
            )
        if process.poll() is None:
            process.send_signal(number)
        return process.wait(40)

    def kill(self, process: Started) -> int:
        """Kill it with -9 and evict it from its groups. TREADLE_CHAOS=long lets its session time out instead."""
        code = self.end(process, signal.SIGKILL)
        if not LONG:
            self.topics.evict(self._name(self.processes.index(process)))
        return code

    def send(self, messages: Iterable[Message]) -> None:
        """Write these to Kafka."""
        self.topics.producer.send(messages)

    def sent(self, *topics: str) -> list[Received]:
        """All messages of these topics since the test began."""
        return list(
            self.topics.read({part: offset for part, offset in self.begin.items() if part[0] in topics})
        )

    def unfinished(self, *queues: Queue) -> int:
        """How many messages of these queues are not committed."""
        return sum(self.lag(f"treadle.{queue}") for queue in queues)

    def lag(self, group: str) -> int:
        """How many messages this group has not committed."""
        return self.topics.lag(group, self.begin)

    def committed(self, queue: Queue) -> Offsets:
        """The committed offset of each partition of the queue."""
        return {(each.topic, each.partition): each.offset for each in self.commits(queue)}

    @property
    def waiting(self) -> int:
        """How many jobs are waiting in the tiers."""
        return self.lag("treadle.retries")

    def metadata(self, queue: Queue) -> set[str]:
        """The metadata of the queue's commits."""
        return {each.metadata or "" for each in self.commits(queue)}

    def commits(self, queue: Queue) -> list[TopicPartition]:
        """What is committed for each partition of the queue."""
        return self.topics.commits(
            f"treadle.{queue}", [part for part in self.begin if part[0] == topic_of(queue)]
        )

    def _name(self, number: int) -> str:
        """The client.id of the process with this number."""
        return f"{os.getpid()}-{self.folder.name}-{number}"


@contextmanager
def a_line(topics: Topics, commands: Commands, folder: Path) -> Iterator[Line]:
    """A line whose processes are terminated when the test ends, and killed if that takes too long."""
    line = Line(topics, commands, folder)
    try:
        yield line
    finally:
        for process in line.processes:
            process.terminate()
        for process in line.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
