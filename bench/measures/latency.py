"""From the enqueueing call to the first line of the worker, on an idle consumer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import log, records
from bench.bench import Bench
from bench.children import Child
from bench.figures import Figure, Limit, peers, percentile, series
from bench.peers import sidekiq, treadle
from bench.workers import Start
from streams.envelope import seal
from streams.job import Queue
from streams.kafka.producer import Producer
from streams.wire.jobs import encode_job

EVERY = 0.006  # seconds between two jobs
WARM_UP = 40  # first jobs, which do not count


def measure(bench: Bench) -> list[Figure]:
    """p50 and p99, compared with Sidekiq's."""
    taken = bench.alternate({treadle.NAME: lambda _: _ours(bench), sidekiq.NAME: lambda _: _sidekiqs(bench)})
    figures = []
    for percent in (50, 99):
        waits = {
            side: taken.of(side, lambda waits: percentile(waits, percent) * 1e3)  # noqa: B023  # called before the next turn
            for side in taken.results
        }
        peer = peers(waits, sidekiq.NAME)
        theirs = peer[sidekiq.NAME].median if peer else None
        figures.append(
            Figure(
                f"Enqueue to start, idle, p{percent}",
                "ms",
                series(waits[treadle.NAME]),
                peer,
                more_is_better=False,
                must=Limit(theirs + 5, "Sidekiq + 5 ms") if theirs and percent == 99 else None,
                wanted=Limit(theirs, "Sidekiq") if theirs and percent == 99 else None,
                note=taken.note,
            )
        )
    return figures


def _ours(bench: Bench) -> list[float]:
    log.fresh(bench.environment.kafka, Queue.CRITICAL)
    path = bench.new_file("records")
    with treadle.consumer(bench, "--queues", "critical", BENCH_RECORDS=str(path)) as child:
        wake(bench, child, path)
        send_paced(bench, bench.scale.waits + WARM_UP)
        return waits_of(child, path, bench.scale.waits + WARM_UP)


def _sidekiqs(bench: Bench) -> list[float]:
    sidekiq.empty(bench)
    path = bench.new_file("records")
    with sidekiq.server(bench, ["critical"], BENCH_RECORDS=str(path)) as child:
        sidekiq.client(bench, "paced", "1", "0")
        child.wait_until(lambda: records.count(path) >= 1, within=30, what="the first job")
        sidekiq.client(bench, "paced", str(bench.scale.waits + WARM_UP), str(EVERY))
        waits = waits_of(child, path, bench.scale.waits + WARM_UP)
        child.kill()
    return waits


def wake(bench: Bench, child: Child, path: Path) -> None:
    """Send one job and wait until it is performed: the process is up, and owns its partitions."""
    with _producer(bench) as producer:
        producer.send([encode_job(seal(Start(-1, time.monotonic()), source=log.SOURCE))])
    child.wait_until(lambda: records.count(path) >= 1, within=60, what="the first job")


def send_paced(bench: Bench, jobs: int) -> None:
    """Enqueue a `Start` job every `EVERY` seconds, each acknowledged before the next."""
    pause = threading.Event()  # never set: its waits are more exact than `sleep`
    with _producer(bench) as producer:
        due = time.monotonic()
        for number in range(jobs):
            due += EVERY
            pause.wait(max(0.0, due - time.monotonic()))
            producer.send([encode_job(seal(Start(number, time.monotonic()), source=log.SOURCE))])


def waits_of(child: Child, path: Path, jobs: int) -> list[float]:
    """The waits that the jobs recorded, in seconds, without the first one and the warm-up."""
    child.wait_until(lambda: records.count(path) >= jobs + 1, within=60, what=f"{jobs} jobs")
    return [record.seconds for record in records.read(path) if record.number >= WARM_UP]


@contextmanager
def _producer(bench: Bench) -> Iterator[Producer]:
    producer = Producer({"bootstrap.servers": bench.environment.kafka})
    try:
        yield producer
    finally:
        producer.close()
