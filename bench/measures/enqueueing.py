"""Enqueueing from one thread: job by job, each acknowledged before the next; and 1,000 in one call."""

from __future__ import annotations

import time

from bench import log
from bench.bench import Bench
from bench.figures import Figure, peers, series, times
from bench.peers import sidekiq, treadle
from bench.workers import NoOp
from streams.envelope import seal
from streams.job import Queue
from streams.kafka.producer import Producer, enqueue

BATCH = 1_000
EXPECTED = {1: 1_500, BATCH: 30_000}  # jobs a second, to choose how many to send


def measure(bench: Bench) -> list[Figure]:
    """Compared with Sidekiq's `perform_async` and `push_bulk`."""
    return [
        _figure(bench, 1, "push", "Enqueue one at a time, acknowledged", "Sidekiq's push"),
        _figure(bench, BATCH, "push_bulk", "Enqueue 1,000 in one call", "Sidekiq's push_bulk"),
    ]


def _figure(bench: Bench, batch_size: int, theirs: str, measure: str, words: str) -> Figure:
    jobs = -(-bench.jobs_for(EXPECTED[batch_size]) // batch_size) * batch_size
    taken = bench.alternate(
        {
            treadle.NAME: lambda _: jobs / _ours(bench, jobs, batch_size),
            sidekiq.NAME: lambda _: jobs / _sidekiqs(bench, theirs, jobs),
        }
    )
    peer = peers(taken.results, sidekiq.NAME)
    return Figure(
        measure,
        "jobs/s",
        series(taken.results[treadle.NAME]),
        peer,
        must=times(1, peer.get(sidekiq.NAME), words),
        wanted=times(2, peer.get(sidekiq.NAME), words),
        note=taken.note,
    )


def _ours(bench: Bench, jobs: int, batch_size: int) -> float:
    """How long it takes to enqueue this many jobs (seconds), over an open connection."""
    log.fresh(bench.environment.kafka, Queue.DEFAULT)
    producer = Producer({"bootstrap.servers": bench.environment.kafka})
    try:
        for number in range(log.PARTITIONS * 2):
            enqueue(producer, [seal(NoOp(number), source=log.SOURCE)])
        began = time.monotonic()
        for first in range(0, jobs, batch_size):
            batch = [seal(NoOp(number), source=log.SOURCE) for number in range(first, first + batch_size)]
            enqueue(producer, batch)
        return time.monotonic() - began
    finally:
        producer.close()


def _sidekiqs(bench: Bench, how: str, jobs: int) -> float:
    sidekiq.empty(bench)
    return float(sidekiq.client(bench, how, str(jobs)))
