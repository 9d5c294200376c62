"""Runs Treadle's commands in processes of their own, and reads what lies in Kafka."""

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
from tests.support.topics import Ends, Topics
from tests.support.waiting import wait_until


class Line(Shell):
    """The line from command to Kafka and back, as one test uses it.

    `log` has what its processes wrote to stderr, `out` what they printed. Messages that were there
    before the test are not seen, neither by the test nor by its processes.
    """

    def __init__(self, topics: Topics, commands: Commands, folder: Path) -> None:
        super().__init__(commands, folder, {"KAFKA": topics.kafka})
        self.topics = topics
        self.kafka = topics.kafka
        self.processes: list[Started] = []
        self.begin = topics.forget_the_past()

    @property
    def log(self) -> str:
        return (self.folder / "stderr").read_text()

    @property
    def out(self) -> list[str]:
        path = self.folder / "stdout"
        return path.read_text().splitlines() if path.exists() else []

    def start(self, *arguments: str, fresh: bool = False, **settings: str) -> Started:
        """Start a process that runs until it is ended, at the latest when the test is over."""
        return self.begin_command("run", *arguments, fresh=fresh, **settings)

    def begin_command(self, *arguments: str, fresh: bool = False, **settings: str) -> Started:
        """Start a command that may take its time. It prints to `out` and writes to `log`, too."""
        name = self._name(len(self.processes))  # Faust reads the second of the variables
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
        """Send a signal, wait for the end, and return the exit code. SIGTERM waits until the process handles it."""
        if number == signal.SIGTERM:
            wait_until(
                lambda: process.poll() is not None or handles(process, number), told="it handles SIGTERM"
            )
        if process.poll() is None:
            process.send_signal(number)
        return process.wait(40)

    def kill(self, process: Started) -> int:
        """Kill it with -9, and have its groups know at once; in the long form of chaos, when its session is over."""
        code = self.end(process, signal.SIGKILL)
        if not LONG:
            self.topics.bury(self._name(self.processes.index(process)))
        return code

    def send(self, messages: Iterable[Message]) -> None:
        """Have these lie in Kafka."""
        self.topics.producer.send(messages)

    def sent(self, *topics: str) -> list[Received]:
        """All messages of these topics since the test began."""
        return list(self.topics.read({place: at for place, at in self.begin.items() if place[0] in topics}))

    def unfinished(self, *queues: Queue) -> int:
        """How many messages of these queues are not committed."""
        return sum(self.lag(f"treadle.{queue}") for queue in queues)

    def lag(self, group: str) -> int:
        """How many messages this group has not committed."""
        return self.topics.lag(group, self.begin)

    def committed(self, queue: Queue) -> Ends:
        """The first offset of each partition of the queue that is not committed."""
        return {(place.topic, place.partition): place.offset for place in self.commits(queue)}

    @property
    def waiting(self) -> int:
        """How many jobs are in the tiers and have not gone on."""
        return self.lag("treadle.retries")

    def metadata(self, queue: Queue) -> set[str]:
        """What stands in the metadata of the queue's commits."""
        return {place.metadata or "" for place in self.commits(queue)}

    def commits(self, queue: Queue) -> list[TopicPartition]:
        """What was committed for each partition of the queue."""
        return self.topics.commits(
            f"treadle.{queue}", [place for place in self.begin if place[0] == topic_of(queue)]
        )

    def _name(self, number: int) -> str:
        """By this Kafka knows the process that was started as this one of the line."""
        return f"{os.getpid()}-{self.folder.name}-{number}"


@contextmanager
def a_line(topics: Topics, commands: Commands, folder: Path) -> Iterator[Line]:
    """A line whose processes are ended, one way or the other, when the test is over."""
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
