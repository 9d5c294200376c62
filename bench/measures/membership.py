"""Four consumers of one queue: how long work stands still when one joins, leaves or is killed."""

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
from streams.codec import encode_job
from streams.envelope import seal
from streams.job import Queue

EVERY = 0.01  # seconds between two jobs of a partition
BEFORE = 0.5  # seconds in which a partition's owner shows itself
EVERYTHING = set(range(log.PARTITIONS))
UNDER_WAY = 0.2  # seconds before now of which not everything may be told yet
PATIENCE = 60.0  # seconds until the partitions of a killed consumer must be worked on


class Gap(NamedTuple):
    """The longest time (seconds) in which one of the others did nothing, and nobody worked on a partition."""

    idle: float
    still: float


@dataclass(frozen=True)
class Changes:
    """What one run saw; `back` in seconds."""

    joins: Gap
    leaves: Gap
    killed: Gap
    back: float


def measure(bench: Bench) -> list[Figure]:
    """The gaps while one joins, leaves or is killed, though a job for each partition comes every 10 ms."""
    taken = bench.alternate({treadle.NAME: lambda _: _run(bench)})
    figures = []
    runs = taken.results[treadle.NAME]
    for what, gaps in (
        ("joins", [run.joins for run in runs]),
        ("leaves", [run.leaves for run in runs]),
        ("is killed", [run.killed for run in runs]),
    ):
        idle = series([gap.idle for gap in gaps])
        still = series([gap.still for gap in gaps])
        name = f"Longest gap in the others' work when one of 4 consumers {what}"
        figures += [
            Figure(name, "s", idle, more_is_better=False, must=Limit(1), wanted=Limit(0.2), note=taken.note),
            Figure(f"{name}, in one partition", "s", still, more_is_better=False, note=taken.note),
        ]
    back = series([run.back for run in runs])
    name = "Until all partitions of a killed consumer are worked on again, by the others"
    must, wanted = Limit(10), Limit(5)
    figures.append(Figure(name, "s", back, more_is_better=False, must=must, wanted=wanted, note=taken.note))
    return figures


class Members:
    """The consumers of a run, each with an account of its own."""

    def __init__(self, bench: Bench, stack: ExitStack) -> None:
        self._bench, self._stack = bench, stack
        self.paths: list[Path] = []
        self._children: list[Child] = []

    def add(self) -> Child:
        """Start one more; returns at once."""
        path = self._bench.new_file("records")
        self.paths.append(path)
        options = ("--queues", "default", "--slots", "5")
        name = f"treadle-{len(self.paths)}"
        child = treadle.consumer(self._bench, *options, name=name, BENCH_RECORDS=str(path))
        self._children.append(child)
        return self._stack.enter_context(child)

    def ask_all_to_stop(self) -> None:
        """So that they end side by side."""
        for child in self._children:
            child.ask_to_stop()

    def owned(self, path: Path, at: float) -> set[int]:
        """The partitions that the member with this account worked on just before."""
        return records.last_partitions(records.read(path), before=at, since=at - BEFORE)

    def everything(self) -> list[records.Record]:
        """All accounts."""
        return [record for path in self.paths for record in records.read(path)]

    def all_work(self, count: int) -> bool:
        """Whether every partition is worked on, and the last `count` members have some each."""
        now = time.monotonic()
        owned = [self.owned(path, now) for path in self.paths[-count:]]
        return all(owned) and set().union(*owned) == EVERYTHING


def _run(bench: Bench) -> Changes:
    log.fresh(bench.ground.kafka, Queue.DEFAULT)
    watched = bench.scale.watched
    with ExitStack() as stack:
        members = Members(bench, stack)
        stack.enter_context(_steady_flow(bench.ground.kafka))
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
        fourth.wait_until(lambda: records.count(path) > 0, within=60, what="a fourth consumer having work")
        time.sleep(watched)
        joins = _gap(members, others, EVERYTHING, begin)

        begin = time.monotonic()
        gone = members.owned(path, begin)
        fourth.kill()
        back = _wait_until_back(members, gone, killed=time.monotonic())  # until then it was at work itself
        time.sleep(watched)
        killed = _gap(members, others, EVERYTHING - gone, begin)
        members.ask_all_to_stop()
    return Changes(joins, leaves, killed, back)


def _gap(members: Members, others: list[Path], partitions: set[int], begin: float) -> Gap:
    end = time.monotonic() - UNDER_WAY
    at_work = [[record.seconds for record in records.read(path)] for path in others]
    by_partition = records.moments_by_partition(members.everything(), partitions)
    return Gap(
        records.longest_gap(at_work, begin, end),
        records.longest_gap(by_partition, begin, end),
    )


def _wait_until_back(members: Members, partitions: set[int], killed: float) -> float:
    while time.monotonic() < killed + PATIENCE:
        if (back := records.back_at_work(members.everything(), partitions, killed)) is not None:
            return back
        time.sleep(0.25)
    raise NotMeasured(f"after {PATIENCE:.0f} s nobody worked on the partitions of a killed consumer")


@contextmanager
def _steady_flow(kafka: str) -> Iterator[None]:
    """A job for every partition every `EVERY` seconds, until the `with` is left."""
    over = threading.Event()
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "log_level": 0})

    def flow() -> None:
        number, due = 0, time.monotonic()
        while not over.is_set():
            for _ in range(log.PARTITIONS):
                message = encode_job(seal(Record(number), source=log.SOURCE))
                headers: Any = message.headers
                place = log.partition_of(number)
                producer.produce(message.topic, message.value, partition=place, headers=headers)
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
