"""Celery (Python, Redis): one process, its pool of 20 threads, everything else at its defaults."""

from __future__ import annotations

import importlib.util
import sys

from bench.alternating import NotMeasured
from bench.bench import Bench, Marks, marks_then_kill
from bench.children import Child, finish
from bench.peers.sidekiq import empty, redis_of

NAME = "Celery"
INSTALL = ".venv/bin/python scripts/setup.py --bench"
EXPECTED = 800


def perform(bench: Bench, jobs: int) -> Marks:
    """Fill the queue, and let a fresh process perform the jobs."""
    if importlib.util.find_spec("celery") is None:
        raise NotMeasured(f"is not installed: {INSTALL}")
    marks = bench.new_file("marks")
    env = {"BENCH_REDIS": redis_of(bench), "BENCH_JOBS": str(jobs), "BENCH_MARKS": str(marks)}
    empty(bench)
    finish("celery_jobs", [sys.executable, "-m", "bench.peers.celery_jobs"], env, within=300)
    worker = ["worker", "--pool", "threads", "--concurrency", "20", "--loglevel", "WARNING"]
    argv = [sys.executable, "-m", "celery", "-A", "bench.peers.celery_jobs", *worker]
    with Child(NAME, argv, env, bench.environment.logs / "celery.log") as child:
        return marks_then_kill(child, marks, jobs, within=60 + jobs / 50)
