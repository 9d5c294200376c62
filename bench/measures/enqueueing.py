"""Enqueueing from one thread: one job at a time, each acknowledged before the next; and 1,000 at once."""

from __future__ import annotations

import time

from bench import log
from bench.bench import Bench
from bench.figures import Figure, peers, series, times
from bench.peers import sidekiq, treadle
from bench.workers import NoOp
from streams.envelope import seal
from streams.job import Queue
from streams.producer import Producer, enqueue

AT_ONCE = 1_000
EXPECTED = {1: 1_500, AT_ONCE: 30_000}  # a second, to choose how many are sent


def measure(bench: Bench) -> list[Figure]:
    """Beside Sidekiq's `perform_async` and `push_bulk`."""
    return [
        _figure(bench, 1, "push", "Enqueue one at a time, acknowledged", "Sidekiq's push"),
        _figure(bench, AT_ONCE, "push_bulk", "Enqueue 1,000 at once", "Sidekiq's push_bulk"),
    ]


def _figure(bench: Bench, at_once: int, theirs: str, measure: str, words: str) -> Figure:
    jobs = -(-bench.jobs_for(EXPECTED[at_once]) // at_once) * at_once
    taken = bench.alternate(
        {
            treadle.NAME: lambda _: jobs / _ours(bench, jobs, at_once),
            sidekiq.NAME: lambda _: jobs / _sidekiqs(bench, theirs, jobs),
        }
    )
    beside = peers(taken.results, sidekiq.NAME)
    return Figure(
        measure,
        "jobs/s",
        series(taken.results[treadle.NAME]),
        beside,
        must=times(1, beside.get(sidekiq.NAME), words),
        wanted=times(2, beside.get(sidekiq.NAME), words),
        note=taken.note,
    )


def _ours(bench: Bench, jobs: int, at_once: int) -> float:
    """How long it takes to enqueue so many (seconds), with a connection that is up."""
    log.fresh(bench.ground.kafka, Queue.DEFAULT)
    producer = Producer({"bootstrap.servers": bench.ground.kafka})
    try:
        for number in range(log.PARTITIONS * 2):
            enqueue(producer, [seal(NoOp(number), source=log.SOURCE)])
        began = time.monotonic()
        for first in range(0, jobs, at_once):
            batch = [seal(NoOp(number), source=log.SOURCE) for number in range(first, first + at_once)]
            enqueue(producer, batch)
        return time.monotonic() - began
    finally:
        producer.close()


def _sidekiqs(bench: Bench, how: str, jobs: int) -> float:
    sidekiq.empty(bench)
    return float(sidekiq.client(bench, how, str(jobs)))
