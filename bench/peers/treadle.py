"""Our own side: `treadle run consumer` as a child process, through settings alone."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench import log
from bench.bench import Bench, Marks, marks_of
from bench.children import Child
from streams.job import Job, Queue

NAME = "Treadle"
METRICS = ("--http", "127.0.0.1:0")  # a port that is free
ASYNC_OPTIONS = ("--async-limit", "5000")


def consumer(bench: Bench, *options: str, name: str = "treadle", **environment: str) -> Child:
    """A consumer with metrics, lifecycle and commits as they come; its log goes to a file."""
    argv = [sys.executable, "-m", "treadle.cli.main", "run", "consumer", *METRICS, *options]
    settings = {
        "TREADLE_KAFKA": bench.ground.kafka,
        "TREADLE_WORKERS": "bench.workers",
    }
    return Child(name, argv, {**settings, **environment}, bench.ground.logs / f"{name}.log")


def perform(bench: Bench, make: Callable[[int], Job], jobs: int, *options: str, within: float = 120) -> Marks:
    """Fill the default queue with so many jobs, and let a fresh consumer of 20 slots do them."""
    log.fresh(bench.ground.kafka, Queue.DEFAULT)
    log.fill(bench.ground.kafka, map(make, range(jobs)), Queue.DEFAULT)
    marks = bench.new_file("marks")
    settings = {"BENCH_JOBS": str(jobs), "BENCH_MARKS": str(marks)}
    with consumer(bench, "--queues", "default", "--slots", "20", *options, **settings) as child:
        return marks_of(child, marks, jobs, within=within)
