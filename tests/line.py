"""Runs Treadle's commands in processes of their own, and reads what lies in Kafka."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.job import Queue
from streams.message import Received
from streams.topics import AUDIT, DEAD, EVENTS, LIFECYCLE, ORDERS, TICKS, load_topics, topic_of

ROOT = Path(__file__).parents[1]
PLANNED = load_topics(ROOT / "topics.yaml")
TIERS = list(PLANNED.tiers.by_topic)
READ = [*(topic_of(queue) for queue in Queue), *TIERS, EVENTS, TICKS, DEAD, LIFECYCLE, AUDIT, ORDERS]
GROUPS = {
    **{f"treadle.{queue}": [topic_of(queue)] for queue in Queue},
    "treadle.retries": TIERS,
    "treadle.agents": [EVENTS, TICKS],
}

_numbers = itertools.count(1)
Ends = dict[tuple[str, int], int]


def wait_until(question: Callable[[], object], *, within: float = 30.0, told: str = "it came to be") -> None:
    """Ask again and again until the answer is yes. Fails when it is not in time (seconds)."""
    give_up_at = time.monotonic() + within
    while not question():
        assert time.monotonic() < give_up_at, f"not within {within} s: {told}"
        time.sleep(0.02)


@dataclass
class Line:
    """The line from command to Kafka and back, as one test uses it.

    `log` has what its processes wrote to stderr, `out` what they printed. Messages that were there
    before the test are not seen, neither by the test nor by its processes.
    """

    kafka: str
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    begin: Ends = field(default_factory=dict)

    @property
    def log(self) -> str:
        return (self.folder / "stderr").read_text()

    @property
    def out(self) -> list[str]:
        path = self.folder / "stdout"
        return path.read_text().splitlines() if path.exists() else []

    def environment(self, **more: str) -> dict[str, str]:
        """Our own environment, with no settings but those of this line and those given."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("TREADLE_")}
        settings = {"KAFKA": self.kafka, **self.settings, **more}
        return {**own, "PYTHONPATH": str(ROOT)} | {f"TREADLE_{name}": text for name, text in settings.items()}

    def treadle(
        self, *arguments: str, stdin: str | bytes = "", **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end. Settings are named without TREADLE_."""
        done = subprocess.run(
            [sys.executable, "-m", "treadle.cli.main", *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            cwd=self.folder,
            env=self.environment(**settings),
            capture_output=True,
            timeout=90,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a process that runs until it is ended, at the latest when the test is over."""
        with (self.folder / "stdout").open("ab") as out, (self.folder / "stderr").open("ab") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "treadle.cli.main", "run", *arguments],
                cwd=self.folder,
                env=self.environment(**settings),
                stdout=out,
                stderr=err,
            )
        self.processes.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, and return the exit code. SIGTERM waits until the process handles it."""
        if number == signal.SIGTERM:
            wait_until(
                lambda: process.poll() is not None or handles(process, number), told="it handles SIGTERM"
            )
        if process.poll() is None:
            process.send_signal(number)
        return process.wait(40)

    def sent(self, *topics: str) -> list[Received]:
        """All messages of these topics since the test began."""
        return list(read(self.kafka, {place: at for place, at in self.begin.items() if place[0] in topics}))

    def unfinished(self, *queues: Queue) -> int:
        """How many messages of these queues are not committed."""
        return sum(lag(self.kafka, f"treadle.{queue}", self.begin) for queue in queues)

    def committed(self, queue: Queue) -> Ends:
        """The first offset of each partition of the queue that is not committed."""
        return {(place.topic, place.partition): place.offset for place in self._commits(queue)}

    @property
    def waiting(self) -> int:
        """How many jobs are in the tiers and have not gone on."""
        return lag(self.kafka, "treadle.retries", self.begin)

    def metadata(self, queue: Queue) -> set[str]:
        """What stands in the metadata of the queue's commits."""
        return {place.metadata or "" for place in self._commits(queue)}

    def _commits(self, queue: Queue) -> list[TopicPartition]:
        consumer = _consumer(self.kafka, f"treadle.{queue}")
        places = [TopicPartition(*place) for place in self.begin if place[0] == topic_of(queue)]
        committed = consumer.committed(places, timeout=10)
        consumer.close()
        return committed

    def resident(self, process: subprocess.Popen[bytes]) -> int:
        """Bytes of memory that a process holds now."""
        return psutil.Process(process.pid).memory_info().rss


def handles(process: subprocess.Popen[bytes], number: int) -> bool:
    """Whether the process has a handler for this signal; yes, too, where there is no /proc to tell."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return True
    caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


@contextmanager
def a_line(kafka: str, folder: Path, **settings: str) -> Iterator[Line]:
    """A line whose processes are ended, one way or the other, when the test is over."""
    line = Line(kafka, folder, settings, begin=forget_the_past(kafka))
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


def forget_the_past(kafka: str) -> Ends:
    """Commit the ends of all topics for all groups, so that nobody performs what others left; the ends."""
    reader = _consumer(kafka)
    ends = _ends(reader, READ)
    reader.close()
    for group, topics in GROUPS.items():
        wait_until(lambda: _commit(kafka, group, topics, ends), told=f"group {group} has no members")  # noqa: B023
    return ends


def _commit(kafka: str, group: str, topics: list[str], ends: Ends) -> bool:
    consumer = _consumer(kafka, group)
    places = [TopicPartition(topic, number, at) for (topic, number), at in ends.items() if topic in topics]
    try:
        return not any(place.error for place in consumer.commit(offsets=places, asynchronous=False) or [])
    except KafkaException:  # a member that was killed is still counted
        return False
    finally:
        consumer.close()


def lag(kafka: str, group: str, places: Ends) -> int:
    """How many messages the group has not committed, over its topics."""
    consumer = _consumer(kafka, group)
    ours = [TopicPartition(*place) for place in places if place[0] in GROUPS[group]]
    committed = consumer.committed(ours, timeout=10)
    ends = _ends(consumer, GROUPS[group])
    consumer.close()
    return sum(ends[place.topic, place.partition] - place.offset for place in committed)


def read(kafka: str, begin: Ends) -> Iterator[Received]:
    """Every message from `begin` to what is the end now, in the order of each partition."""
    consumer = _consumer(kafka)
    ends = _ends(consumer, list({topic for topic, _ in begin}))
    left = {place: end for place, end in ends.items() if end > begin[place]}
    consumer.assign([TopicPartition(*place, begin[place]) for place in left])
    while left:
        for message in consumer.consume(1_000, timeout=0.2):
            assert message.error() is None, message.error()
            place = (str(message.topic()), int(message.partition() or 0))
            offset = int(message.offset() or 0)
            headers: list[tuple[str, bytes]] = list(message.headers() or [])  # type: ignore[arg-type]  # as sent
            key, value, sent_at = _bytes(message.key()), _bytes(message.value()), message.timestamp()[1]
            yield Received(*place, offset, key, value, headers, sent_at)
            if offset + 1 >= left.get(place, 0):
                left.pop(place, None)
    consumer.close()


def _bytes(content: str | bytes | None) -> bytes | None:
    assert not isinstance(content, str)
    return content


def _consumer(kafka: str, group: str | None = None) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": group or f"tests.{os.getpid()}.{next(_numbers)}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 5,
            "log_level": 0,
        }
    )


def _ends(consumer: Consumer, topics: list[str]) -> Ends:
    known = consumer.list_topics(timeout=10).topics
    places = [(topic, number) for topic in topics for number in known[topic].partitions]
    return {
        (topic, number): consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
        for topic, number in places
    }


def make_topics(kafka: str) -> None:
    """Apply our topics.yaml, and wait until the broker knows the topics."""
    from streams.topic_plan import TopicAdmin

    admin = TopicAdmin({"bootstrap.servers": kafka})
    admin.apply(admin.plan(PLANNED))
    seen = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    wait_until(
        lambda: all(name in seen.list_topics(timeout=10).topics for name in PLANNED.by_name), told="topics"
    )
    wait_until(lambda: _have_leaders(kafka), told="every partition has its leader")


def _have_leaders(kafka: str) -> bool:
    reader = _consumer(kafka)
    try:
        return bool(_ends(reader, READ))
    except KafkaException:  # topics that were just made
        return False
    finally:
        reader.close()
