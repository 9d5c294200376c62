"""While the low queue has a large backlog: how long a critical job waits, and how much memory that takes."""

from __future__ import annotations

from typing import NamedTuple

from bench import log, records
from bench.alternating import NotMeasured
from bench.bench import Bench
from bench.figures import Figure, Limit, peers, percentile, series, times
from bench.measures.latency import EVERY, WARM_UP, send_paced, waits_of, wake
from bench.peers import sidekiq, treadle
from bench.workers import Backlog
from streams.job import Queue


class Sample(NamedTuple):
    """The p99 wait of critical jobs in ms, and the resident memory in MB when the last has begun."""

    wait: float
    memory: float


def measure(bench: Bench) -> list[Figure]:
    """Both sides serve critical with weight 10 and low with weight 1, in one process of 20 slots."""
    taken = bench.alternate({treadle.NAME: lambda _: _ours(bench), sidekiq.NAME: lambda _: _sidekiqs(bench)})
    waits = {side: taken.of(side, lambda sample: sample.wait) for side in taken.results}
    memory = {side: taken.of(side, lambda sample: sample.memory) for side in taken.results}
    theirs = peers(memory, sidekiq.NAME)
    backlog = f"{bench.scale.backlog:,} low jobs wait"
    return [
        Figure(
            f"Wait of critical while {backlog}, p99",
            "ms",
            series(waits[treadle.NAME]),
            peers(waits, sidekiq.NAME),
            more_is_better=False,
            must=Limit(50),
            wanted=Limit(20),
            note=taken.note,
        ),
        Figure(
            f"Resident memory while {backlog}",
            "MB",
            series(memory[treadle.NAME]),
            theirs,
            more_is_better=False,
            must=Limit(150),
            wanted=times(1, theirs.get(sidekiq.NAME), sidekiq.NAME),
            note=taken.note,
        ),
    ]


def _ours(bench: Bench) -> Sample:
    log.fresh(bench.environment.kafka, Queue.CRITICAL, Queue.LOW)
    log.fill(bench.environment.kafka, map(Backlog, range(bench.scale.backlog)))
    path = bench.new_file("records")
    jobs = bench.scale.waits + WARM_UP
    options = ("--queues", "critical=10,low=1", "--slots", "20")
    with treadle.consumer(bench, *options, BENCH_RECORDS=str(path)) as child:
        wake(bench, child, path)
        send_paced(bench, jobs)
        waits = waits_of(child, path, jobs)
        memory = child.memory()
    left = log.unfinished(bench.environment.kafka, Queue.LOW)
    if not left:
        raise NotMeasured("the backlog was finished before the measure was")
    return Sample(percentile(waits, 99) * 1e3, memory)


def _sidekiqs(bench: Bench) -> Sample:
    sidekiq.empty(bench)
    sidekiq.client(bench, "fill", "Backlog", str(bench.scale.backlog))
    path = bench.new_file("records")
    jobs = bench.scale.waits + WARM_UP
    with sidekiq.server(bench, ["critical,10", "low,1"], BENCH_RECORDS=str(path)) as child:
        sidekiq.client(bench, "paced", "1", "0")
        child.wait_until(lambda: records.count(path) >= 1, within=60, what="the first job")
        sidekiq.client(bench, "paced", str(jobs), str(EVERY))
        waits = waits_of(child, path, jobs)
        memory = child.memory()
        child.kill()
    return Sample(percentile(waits, 99) * 1e3, memory)
