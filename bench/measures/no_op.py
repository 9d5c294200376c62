"""Jobs a second that do nothing: the overhead of the job system itself."""

from __future__ import annotations

from bench.bench import Bench
from bench.figures import Figure, peers, series, times
from bench.peers import bare_loop, celery, dramatiq, sidekiq, treadle
from bench.workers import NoOp

EXPECTED = 80_000  # jobs of ours a second, to choose how many to perform


def measure(bench: Bench) -> list[Figure]:
    """One process with 20 slots or threads on each side."""
    jobs = bench.jobs_for
    taken = bench.alternate(
        {
            treadle.NAME: lambda _: treadle.perform(bench, NoOp, jobs(EXPECTED)),
            sidekiq.NAME: lambda _: sidekiq.perform(bench, jobs(sidekiq.EXPECTED)),
            sidekiq.QUIET: lambda _: sidekiq.perform(bench, jobs(sidekiq.EXPECTED), BENCH_QUIET="1"),
            dramatiq.NAME: lambda _: dramatiq.perform(bench, jobs(dramatiq.EXPECTED)),
            celery.NAME: lambda _: celery.perform(bench, jobs(celery.EXPECTED)),
            bare_loop.NAME: lambda _: bare_loop.perform(bench, jobs(bare_loop.EXPECTED)),
        }
    )
    rates = {side: taken.of(side, lambda marks: marks.rate) for side in taken.results}
    others = peers(rates, *(side for side in rates if side != treadle.NAME))
    ours, theirs, bare = series(rates[treadle.NAME]), others.get(sidekiq.NAME), others.get(bare_loop.NAME)
    what = "No-op jobs, one process, 20 slots"
    return [
        Figure(
            what,
            "jobs/s",
            ours,
            others,
            must=times(10, theirs, sidekiq.NAME),
            wanted=times(20, theirs, sidekiq.NAME),
            note=taken.note,
        ),
        Figure(
            f"{what}, against the bare loop",
            "jobs/s",
            ours,
            peers(rates, bare_loop.NAME),
            wanted=times(0.35, bare, "the bare loop"),
            note=taken.missing.get(bare_loop.NAME, ""),
        ),
    ]
