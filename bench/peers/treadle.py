"""Our own side: `treadle run consumer` as a child process, configured by settings alone."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench import log
from bench.bench import Bench, Marks, marks_of
from bench.children import Child
from streams.job import Job, Queue

NAME = "Treadle"
METRICS = ("--http", "127.0.0.1:0")  # any free port
ASYNC_OPTIONS = ("--async-limit", "5000")


def consumer(bench: Bench, *options: str, name: str = "treadle", **env: str) -> Child:
    """A consumer with metrics, lifecycle and commits at their defaults; its log goes to a file."""
    argv = [sys.executable, "-m", "treadle.cli.main", "run", "consumer", *METRICS, *options]
    settings = {
        "TREADLE_KAFKA": bench.environment.kafka,
        "TREADLE_WORKERS": "bench.workers",
    }
    return Child(name, argv, {**settings, **env}, bench.environment.logs / f"{name}.log")


def perform(bench: Bench, job: Callable[[int], Job], jobs: int, *options: str, within: float = 120) -> Marks:
    """Fill the default queue with this many jobs, and let a fresh consumer of 20 slots perform them."""
    log.fresh(bench.environment.kafka, Queue.DEFAULT)
    log.fill(bench.environment.kafka, map(job, range(jobs)), Queue.DEFAULT)
    marks = bench.new_file("marks")
    settings = {"BENCH_JOBS": str(jobs), "BENCH_MARKS": str(marks)}
    with consumer(bench, "--queues", "default", "--slots", "20", *options, **settings) as child:
        return marks_of(child, marks, jobs, within=within)
