"""Sidekiq (Ruby, Redis), as it comes: one process, 20 threads, two lines in its log for each job."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from bench.alternating import NotMeasured
from bench.bench import Bench, Marks, marks_then_kill
from bench.children import ROOT, Child, finish
from bench.ground import REDIS

NAME = "Sidekiq"
QUIET = "Sidekiq, quiet"  # the same with its log at warnings
INSTALL = "apt-get install ruby-sidekiq redis-server"
EXPECTED = 6_000  # no-op jobs a second, to choose how many are done
_FOLDER = ROOT / "bench" / "peers"


def server(bench: Bench, queues: Sequence[str] = ("default",), **environment: str) -> Child:
    """A Sidekiq that serves these queues, each `name` or `name,weight`."""
    sidekiq = shutil.which("sidekiq")
    if sidekiq is None:
        raise NotMeasured(f"is not installed: {INSTALL}")
    served = [part for queue in queues for part in ("-q", queue)]
    argv = [sidekiq, "-r", str(_FOLDER / "sidekiq_jobs.rb"), "-c", "20", *served]
    return Child(NAME, argv, {**_environment(bench), **environment}, bench.ground.logs / "sidekiq.log")


def client(bench: Bench, *arguments: str, within: float = 300) -> str:
    """Run the enqueuing side to its end; what it prints."""
    if shutil.which("sidekiq") is None:
        raise NotMeasured(f"is not installed: {INSTALL}")
    argv = ["ruby", str(_FOLDER / "sidekiq_client.rb"), *arguments]
    return finish("sidekiq_client.rb", argv, _environment(bench), within=within)


def perform(bench: Bench, jobs: int, **environment: str) -> Marks:
    """Fill the queue, and let a fresh process do the jobs."""
    empty(bench)
    client(bench, "fill", "NoOp", str(jobs))
    marks = bench.new_file("marks")
    with server(bench, BENCH_JOBS=str(jobs), BENCH_MARKS=str(marks), **environment) as child:
        return marks_then_kill(child, marks, jobs, within=60 + jobs / 200)


def empty(bench: Bench) -> None:
    """Forget everything that any peer keeps in Redis."""
    finish("redis-cli", ["redis-cli", "-u", redis_of(bench), "FLUSHALL"], {}, within=60)


def redis_of(bench: Bench) -> str:
    """The URL of Redis. Raises NotMeasured where there is none."""
    if bench.ground.redis is None:
        raise NotMeasured(f"needs Redis, which is not installed: {REDIS}")
    return bench.ground.redis


def _environment(bench: Bench) -> dict[str, str]:
    return {"BENCH_REDIS": redis_of(bench)}
