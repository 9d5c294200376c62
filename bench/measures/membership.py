"""Four consumers of one queue: how long work stops when one joins, leaves or is killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Producer

from bench import log, records
from bench.alternating import NotMeasured
from bench.bench import Bench
from bench.children import Child
from bench.figures import Figure, Limit, series
from bench.peers import treadle
from bench.workers import Record
from streams.envelope import seal
from streams.job import Queue
from streams.wire.jobs import encode_job

EVERY = 0.01  # seconds between two jobs of a partition
BEFORE = 0.5  # seconds in which a partition's owner performs a job of it
EVERYTHING = set(range(log.PARTITIONS))
UNWRITTEN = 0.2  # seconds before now of which some records may not be written yet
PATIENCE = 60.0  # seconds within which a killed consumer's partitions must be served again


class Gap(NamedTuple):
    """The longest time (seconds) in which one of the others was idle, and in which a partition was not served."""

    idle: float
    unserved: float


@dataclass(frozen=True)
class Changes:
    """The result of one run; `resumed` in seconds."""

    joins: Gap
    leaves: Gap
    killed: Gap
    resumed: float


def measure(bench: Bench) -> list[Figure]:
    """The gaps while one joins, leaves or is killed; each partition gets a job every 10 ms."""
    taken = bench.alternate({treadle.NAME: lambda _: _run(bench)})
    figures = []
    runs = taken.results[treadle.NAME]
    for what, gaps in (
        ("joins", [run.joins for run in runs]),
        ("leaves", [run.leaves for run in runs]),
        ("is killed", [run.killed for run in runs]),
    ):
        idle = series([gap.idle for gap in gaps])
        unserved = series([gap.unserved for gap in gaps])
        name = f"Longest gap in the others' work when one of 4 consumers {what}"
        figures += [
            Figure(name, "s", idle, more_is_better=False, must=Limit(1), wanted=Limit(0.2), note=taken.note),
            Figure(f"{name}, in one partition", "s", unserved, more_is_better=False, note=taken.note),
        ]
    resumed = series([run.resumed for run in runs])
    name = "Until a killed consumer's partitions are served again, by the others"
    must, wanted = Limit(10), Limit(5)
    figures.append(
        Figure(name, "s", resumed, more_is_better=False, must=must, wanted=wanted, note=taken.note)
    )
    return figures


class Members:
    """The consumers of a run, each with its own records."""

    def __init__(self, bench: Bench, stack: ExitStack) -> None:
        self._bench, self._stack = bench, stack
        self.paths: list[Path] = []
        self._children: list[Child] = []

    def add(self) -> Child:
        """Start one more, without waiting for it."""
        path = self._bench.new_file("records")
        self.paths.append(path)
        options = ("--queues", "default", "--slots", "5")
        name = f"treadle-{len(self.paths)}"
        child = treadle.consumer(self._bench, *options, name=name, BENCH_RECORDS=str(path))
        self._children.append(child)
        return self._stack.enter_context(child)

    def ask_all_to_stop(self) -> None:
        """Let them shut down in parallel."""
        for child in self._children:
            child.ask_to_stop()

    def owned(self, path: Path, at: float) -> set[int]:
        """The partitions whose jobs the member with these records performed just before."""
        return records.last_partitions(records.read(path), before=at, since=at - BEFORE)

    def everything(self) -> list[records.Record]:
        """The records of all members."""
        return [record for path in self.paths for record in records.read(path)]

    def all_work(self, count: int) -> bool:
        """Whether every partition is served, and each of the last `count` members serves some."""
        now = time.monotonic()
        owned = [self.owned(path, now) for path in self.paths[-count:]]
        return all(owned) and set().union(*owned) == EVERYTHING


def _run(bench: Bench) -> Changes:
    log.fresh(bench.environment.kafka, Queue.DEFAULT)
    watched = bench.scale.watched
    with ExitStack() as stack:
        members = Members(bench, stack)
        stack.enter_context(_steady_flow(bench.environment.kafka))
        fourth = [members.add() for _ in range(4)][-1]
        others = members.paths[:3]
        fourth.wait_until(lambda: members.all_work(4), within=60, what="four consumers sharing the work")
        time.sleep(watched)

        begin = time.monotonic()
        gone = members.owned(members.paths[-1], begin)
        fourth.stop()
        time.sleep(watched)
        leaves = _gap(members, others, EVERYTHING - gone, begin)

        begin = time.monotonic()
        fourth = members.add()
        path = members.paths[-1]
        fourth.wait_until(lambda: records.count(path) > 0, within=60, what="the fourth consumer's first job")
        time.sleep(watched)
        joins = _gap(members, others, EVERYTHING, begin)

        begin = time.monotonic()
        gone = members.owned(path, begin)
        fourth.kill()
        resumed = _wait_until_resumed(members, gone, killed=time.monotonic())  # it worked until then
        time.sleep(watched)
        killed = _gap(members, others, EVERYTHING - gone, begin)
        members.ask_all_to_stop()
    return Changes(joins, leaves, killed, resumed)


def _gap(members: Members, others: list[Path], partitions: set[int], begin: float) -> Gap:
    end = time.monotonic() - UNWRITTEN
    by_member = [[record.seconds for record in records.read(path)] for path in others]
    by_partition = records.moments_by_partition(members.everything(), partitions)
    return Gap(
        records.longest_gap(by_member, begin, end),
        records.longest_gap(by_partition, begin, end),
    )


def _wait_until_resumed(members: Members, partitions: set[int], killed: float) -> float:
    while time.monotonic() < killed + PATIENCE:
        if (resumed := records.resumed(members.everything(), partitions, killed)) is not None:
            return resumed
        time.sleep(0.25)
    raise NotMeasured(f"no consumer served the killed one's partitions within {PATIENCE:.0f} s")


@contextmanager
def _steady_flow(kafka: str) -> Iterator[None]:
    """A job for every partition every `EVERY` seconds, until the end of the `with`."""
    over = threading.Event()
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "log_level": 0})

    def flow() -> None:
        number, due = 0, time.monotonic()
        while not over.is_set():
            for _ in range(log.PARTITIONS):
                message = encode_job(seal(Record(number), source=log.SOURCE))
                headers: Any = message.headers
                partition = log.partition_of(number)
                producer.produce(message.topic, message.value, partition=partition, headers=headers)
                number += 1
            producer.poll(0)
            due += EVERY
            over.wait(max(0.0, due - time.monotonic()))

    thread = threading.Thread(target=flow, name="flow", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        producer.flush(10)
