"""Sidekiq (Ruby, Redis) at its defaults: one process, 20 threads, two log lines per job."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from bench.alternating import NotMeasured
from bench.bench import Bench, Marks, marks_then_kill
from bench.children import ROOT, Child, finish
from bench.environment import REDIS

NAME = "Sidekiq"
QUIET = "Sidekiq, quiet"  # the same, logging warnings only
INSTALL = "apt-get install ruby-sidekiq redis-server"
EXPECTED = 6_000  # no-op jobs a second, to choose how many to perform
_FOLDER = ROOT / "bench" / "peers"


def server(bench: Bench, queues: Sequence[str] = ("default",), **env: str) -> Child:
    """A Sidekiq process that serves these queues, each given as `name` or `name,weight`."""
    sidekiq = shutil.which("sidekiq")
    if sidekiq is None:
        raise NotMeasured(f"is not installed: {INSTALL}")
    served = [part for queue in queues for part in ("-q", queue)]
    argv = [sidekiq, "-r", str(_FOLDER / "sidekiq_jobs.rb"), "-c", "20", *served]
    return Child(NAME, argv, {**_env(bench), **env}, bench.environment.logs / "sidekiq.log")


def client(bench: Bench, *arguments: str, within: float = 300) -> str:
    """Run the enqueuing side to its end; returns its output."""
    if shutil.which("sidekiq") is None:
        raise NotMeasured(f"is not installed: {INSTALL}")
    argv = ["ruby", str(_FOLDER / "sidekiq_client.rb"), *arguments]
    return finish("sidekiq_client.rb", argv, _env(bench), within=within)


def perform(bench: Bench, jobs: int, **env: str) -> Marks:
    """Fill the queue, and let a fresh process perform the jobs."""
    empty(bench)
    client(bench, "fill", "NoOp", str(jobs))
    marks = bench.new_file("marks")
    with server(bench, BENCH_JOBS=str(jobs), BENCH_MARKS=str(marks), **env) as child:
        return marks_then_kill(child, marks, jobs, within=60 + jobs / 200)


def empty(bench: Bench) -> None:
    """Delete everything that any peer keeps in Redis."""
    finish("redis-cli", ["redis-cli", "-u", redis_of(bench), "FLUSHALL"], {}, within=60)


def redis_of(bench: Bench) -> str:
    """The URL of Redis. Raises NotMeasured where there is none."""
    if bench.environment.redis is None:
        raise NotMeasured(f"needs Redis, which is not installed: {REDIS}")
    return bench.environment.redis


def _env(bench: Bench) -> dict[str, str]:
    return {"BENCH_REDIS": redis_of(bench)}
