"""kill -9 at full load, the consumer started again at once: what is done twice, how soon it goes on."""

from __future__ import annotations

import time
from typing import NamedTuple

from bench import log, records
from bench.alternating import NotMeasured, alternate
from bench.bench import Bench
from bench.figures import Figure, Limit, series
from bench.peers import treadle
from bench.workers import Record
from streams.job import Queue

SLOTS = 20
COMMIT_EVERY = 1.0  # seconds; "about once a second", as the runtime promises
KILL_AT = (
    0.3,
    0.45,
    0.6,
)  # of all jobs; another for each run, so that kills fall anywhere between two commits


class Account(NamedTuple):
    """Of one run. `rate` is in jobs a second before the kill, `back` in seconds."""

    repeated: int
    lost: int
    rate: float
    back: float


def measure(bench: Bench) -> list[Figure]:
    """By the numbers of the jobs: one line out for each job performed."""
    taken = alternate({treadle.NAME: lambda run: _run(bench, run)}, bench.scale.runs, bench.tell)

    def ours(name: str) -> list[float]:
        return taken.of(treadle.NAME, lambda account: float(getattr(account, name)))

    rate = series(ours("rate"))
    allowed = Limit(SLOTS + rate.median * COMMIT_EVERY, "20 in flight + a commit interval") if rate else None
    return [
        Figure(
            "Repeated after kill -9 at full load",
            "jobs",
            series(ours("repeated")),
            more_is_better=False,
            must=allowed,
            note=taken.note,
        ),
        Figure(
            "Lost after kill -9 at full load",
            "jobs",
            series(ours("lost")),
            more_is_better=False,
            must=Limit(0),
            note=taken.note,
        ),
        Figure(
            "Until all partitions of a killed consumer are worked on again, by itself restarted",
            "s",
            series(ours("back")),
            more_is_better=False,
            must=Limit(10),
            wanted=Limit(5),
            note=taken.note,
        ),
    ]


def _run(bench: Bench, run: int) -> Account:
    jobs = bench.scale.killed
    log.fresh(bench.ground.kafka, Queue.DEFAULT)
    log.fill(bench.ground.kafka, map(Record, range(jobs)))
    first, second = bench.new_file("records"), bench.new_file("records")
    options = ("--queues", "default", "--slots", str(SLOTS))
    enough = int(jobs * KILL_AT[run % len(KILL_AT)])
    with treadle.consumer(bench, *options, BENCH_RECORDS=str(first)) as child:
        child.wait_until(lambda: records.count(first) >= enough, within=120, what=f"{enough:,} jobs")
        child.kill()
    killed = time.monotonic()
    before = records.read(first)
    done = {record.number for record in before}
    if len(done) >= jobs:
        raise NotMeasured("all jobs were done before the consumer could be killed")
    with treadle.consumer(bench, *options, BENCH_RECORDS=str(second)) as child:
        left = jobs - len(done)
        child.wait_until(lambda: records.count(second) >= left, within=180, what=f"the other {left:,} jobs")
        child.stop()  # drains: what was fetched twice has been performed twice by then
    after = records.read(second)
    done |= {record.number for record in after}
    back = records.back_at_work(after, set(range(log.PARTITIONS)), killed)
    if back is None:
        raise NotMeasured("a partition was done before the consumer was killed")
    began = min(record.seconds for record in before)
    return Account(
        records.repeated([*before, *after]), jobs - len(done), len(before) / (killed - began), back
    )
