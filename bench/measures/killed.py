"""kill -9 at full load, the consumer restarted immediately: what is repeated, and how soon work resumes."""

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
COMMIT_EVERY = 1.0  # seconds; "about once a second", as the consumer promises
_PATIENCE = 60.0  # seconds without a job, after which those missing count as lost
# Another queue for each run, so that each begins with a group that never had a member.
QUEUES = (Queue.HIGH, Queue.LOW, Queue.MAILERS)
KILL_AT = (
    0.3,
    0.45,
    0.6,
)  # the part of all jobs; different for each run, so that kills fall anywhere between two commits


class Account(NamedTuple):
    """The result of one run. `rate` is in jobs a second before the kill, `resumed` in seconds."""

    repeated: int
    lost: int
    rate: float
    resumed: float


def measure(bench: Bench) -> list[Figure]:
    """Accounts for jobs by their numbers: each performed job writes one line."""
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
            "Until a killed consumer's partitions are served again, by itself after a restart",
            "s",
            series(ours("resumed")),
            more_is_better=False,
            must=Limit(10),
            wanted=Limit(5),
            note=taken.note,
        ),
    ]


class _Rest:
    """The jobs left after the kill: over when all are done, or nothing has happened for a while."""

    def __init__(self, path: Path, jobs: int, numbers: set[int]) -> None:
        self.jobs = jobs
        self._path, self._numbers = path, numbers
        self._seen, self._changed_at = 0, time.monotonic()

    def is_over(self) -> bool:
        count, now = records.count(self._path), time.monotonic()
        if count != self._seen:
            self._seen, self._changed_at = count, now
        quiet = now - self._changed_at
        # Reading the whole file takes as long as a few thousand jobs: only when these may have been the last.
        if count < self.jobs or quiet < 0.5:
            return quiet > _PATIENCE
        return quiet > _PATIENCE or self._numbers <= {record.number for record in records.read(self._path)}


def _run(bench: Bench, run: int) -> Account:
    jobs = bench.scale.killed
    queue = QUEUES[run % len(QUEUES)]
    log.fresh(bench.environment.kafka, queue)
    log.fill(bench.environment.kafka, map(Record, range(jobs)), queue)
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
        child.wait_until(rest.is_over, within=240, what=f"the remaining {rest.jobs:,} jobs")
    after = records.read(second)
    done |= {record.number for record in after}
    resumed = records.resumed(after, set(map(log.partition_of, unfinished)), killed)
    if resumed is None:
        raise NotMeasured("a partition with jobs left was not served again")
    began = min(record.seconds for record in before)
    return Account(
        records.repeated([*before, *after]), jobs - len(done), len(before) / (killed - began), resumed
    )
