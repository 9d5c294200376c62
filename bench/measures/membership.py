"""Four consumers of one queue: how long work stands still when one joins, leaves or is killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
PATIENCE = 60.0  # seconds until the partitions of a killed consumer must be worked on


@dataclass(frozen=True)
class Gaps:
    """Of one run, in seconds."""

    joins: float
    leaves: float
    killed: float
    back: float


def measure(bench: Bench) -> list[Figure]:
    """The longest time that a partition of the others had no job begin, though one came every 10 ms."""
    taken = bench.alternate({treadle.NAME: lambda _: _run(bench)})

    def ours(name: str) -> list[float]:
        return taken.of(treadle.NAME, lambda gaps: float(getattr(gaps, name)))

    figures = [
        Figure(
            f"Longest gap in the others' work when one of 4 consumers {what}",
            "s",
            series(ours(name)),
            more_is_better=False,
            must=Limit(1),
            wanted=Limit(0.2),
            note=taken.note,
        )
        for what, name in (("joins", "joins"), ("leaves", "leaves"), ("is killed", "killed"))
    ]
    figures.append(
        Figure(
            "Until all partitions of a killed consumer are worked on again, by the others",
            "s",
            series(ours("back")),
            more_is_better=False,
            must=Limit(10),
            wanted=Limit(5),
            note=taken.note,
        )
    )
    return figures


class Members:
    """The consumers of a run, each with an account of its own."""

    def __init__(self, bench: Bench, stack: ExitStack) -> None:
        self._bench, self._stack = bench, stack
        self.paths: list[Path] = []

    def add(self) -> Child:
        """Start one more; returns at once."""
        path = self._bench.new_file("records")
        self.paths.append(path)
        options = ("--queues", "default", "--slots", "5")
        name = f"treadle-{len(self.paths)}"
        child = treadle.consumer(self._bench, *options, name=name, BENCH_RECORDS=str(path))
        return self._stack.enter_context(child)

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


def _run(bench: Bench) -> Gaps:
    log.fresh(bench.ground.kafka, Queue.DEFAULT)
    watched = bench.scale.watched
    with ExitStack() as stack:
        members = Members(bench, stack)
        stack.enter_context(_steady_flow(bench.ground.kafka))
        fourth = [members.add() for _ in range(4)][-1]
        fourth.wait_until(lambda: members.all_work(4), within=60, what="four consumers sharing the work")
        time.sleep(watched)

        begin = time.monotonic()
        others = EVERYTHING - members.owned(members.paths[-1], begin)
        fourth.stop()
        time.sleep(watched)
        leaves = _gap(members, others, begin)

        begin = time.monotonic()
        fourth = members.add()
        path = members.paths[-1]
        fourth.wait_until(lambda: records.count(path) > 0, within=60, what="a fourth consumer having work")
        time.sleep(watched)
        joins = _gap(members, EVERYTHING, begin)

        begin = time.monotonic()
        orphans = members.owned(path, begin)
        fourth.kill()
        back = _wait_until_back(members, orphans, killed=time.monotonic())  # until then it was at work itself
        time.sleep(watched)
        killed = _gap(members, EVERYTHING - orphans, begin)
    return Gaps(joins, leaves, killed, back)


def _gap(members: Members, partitions: set[int], begin: float) -> float:
    return records.longest_gap(members.everything(), partitions, begin, time.monotonic() - 0.2)


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
