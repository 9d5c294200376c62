"""While low holds a large backlog: how long a critical job waits, and how much memory it takes."""

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


class Seen(NamedTuple):
    """The p99 wait of critical jobs in ms, and the resident memory in MB at the end of them."""

    wait: float
    memory: float


def measure(bench: Bench) -> list[Figure]:
    """Both sides serve critical with weight 10 and low with weight 1, in one process of 20 slots."""
    taken = bench.alternate({treadle.NAME: lambda _: _ours(bench), sidekiq.NAME: lambda _: _sidekiqs(bench)})
    waits = {side: taken.of(side, lambda seen: seen.wait) for side in taken.results}
    memory = {side: taken.of(side, lambda seen: seen.memory) for side in taken.results}
    beside = peers(memory, sidekiq.NAME)
    behind = f"{bench.scale.backlog:,} low jobs wait"
    return [
        Figure(
            f"Wait of critical while {behind}, p99",
            "ms",
            series(waits[treadle.NAME]),
            peers(waits, sidekiq.NAME),
            more_is_better=False,
            must=Limit(50),
            wanted=Limit(20),
            note=taken.note,
        ),
        Figure(
            f"Resident memory while {behind}",
            "MB",
            series(memory[treadle.NAME]),
            beside,
            more_is_better=False,
            must=Limit(150),
            wanted=times(1, beside.get(sidekiq.NAME), sidekiq.NAME),
            note=taken.note,
        ),
    ]


def _ours(bench: Bench) -> Seen:
    log.fresh(bench.ground.kafka, Queue.CRITICAL, Queue.LOW)
    log.fill(bench.ground.kafka, map(Backlog, range(bench.scale.backlog)))
    path = bench.new_file("records")
    jobs = bench.scale.waits + WARM_UP
    options = ("--queues", "critical=10,low=1", "--slots", "20")
    with treadle.consumer(bench, *options, BENCH_RECORDS=str(path)) as child:
        wake(bench, child, path)
        send_paced(bench, jobs)
        waits = waits_of(child, path, jobs)
        memory = child.memory()
    left = log.unfinished(bench.ground.kafka, Queue.LOW)
    if not left:
        raise NotMeasured("the backlog of low was done before the measure was over")
    return Seen(percentile(waits, 99) * 1e3, memory)


def _sidekiqs(bench: Bench) -> Seen:
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
    return Seen(percentile(waits, 99) * 1e3, memory)
