"""kill -9 at full load, the consumer started again at once: what is done twice, how soon it goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from bench import log, records
from bench.alternating import NotMeasured
from bench.bench import Bench
from bench.figures import Figure, Limit, series
from bench.peers import treadle
from bench.workers import Record
from streams.job import Queue

SLOTS = 20
COMMIT_EVERY = 1.0  # seconds; "about once a second", as the runtime promises
_GIVEN_UP = 60.0  # seconds without a job after which what is missing counts as lost
# Another for each run, so that each begins with a group that nobody was in.
QUEUES = (Queue.HIGH, Queue.LOW, Queue.MAILERS)
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
    taken = bench.alternate({treadle.NAME: lambda run: _run(bench, run)})

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


class _Rest:
    """What is left after the kill: over when all of it is done, or nothing has happened for a while."""

    def __init__(self, path: Path, jobs: int, numbers: set[int]) -> None:
        self.jobs = jobs
        self._path, self._numbers = path, numbers
        self._seen, self._changed_at = 0, time.monotonic()

    def is_over(self) -> bool:
        count, now = records.count(self._path), time.monotonic()
        if count != self._seen:
            self._seen, self._changed_at = count, now
        calm = now - self._changed_at
        # Reading all of it takes as long as a few thousand jobs: only when there may be nothing more to come.
        if count < self.jobs or calm < 0.5:
            return calm > _GIVEN_UP
        return calm > _GIVEN_UP or self._numbers <= {record.number for record in records.read(self._path)}


def _run(bench: Bench, run: int) -> Account:
    jobs = bench.scale.killed
    queue = QUEUES[run % len(QUEUES)]
    log.fresh(bench.ground.kafka, queue)
    log.fill(bench.ground.kafka, map(Record, range(jobs)), queue)
    first, second = bench.new_file("records"), bench.new_file("records")
    options = ("--queues", queue, "--slots", str(SLOTS))
    enough = int(jobs * KILL_AT[run % len(KILL_AT)])
    with treadle.consumer(bench, *options, BENCH_RECORDS=str(first)) as child:
        child.wait_until(lambda: records.count(first) >= enough, within=120, what=f"{enough:,} jobs")
        child.kill()
    killed = time.monotonic()
    before = records.read(first)
    done = {record.number for record in before}
    if len(done) >= jobs:
        raise NotMeasured("all jobs were done before the consumer could be killed")
    unfinished = set(range(jobs)) - done
    with treadle.consumer(bench, *options, BENCH_RECORDS=str(second)) as child:
        rest = _Rest(second, jobs - len(done), unfinished)
        child.wait_until(rest.is_over, within=240, what=f"the other {rest.jobs:,} jobs")
    after = records.read(second)
    done |= {record.number for record in after}
    back = records.back_at_work(after, set(map(log.partition_of, unfinished)), killed)
    if back is None:
        raise NotMeasured("a partition with work left was not worked on again")
    began = min(record.seconds for record in before)
    return Account(
        records.repeated([*before, *after]), jobs - len(done), len(before) / (killed - began), back
    )
