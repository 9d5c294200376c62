"""Jobs that wait for I/O: 10 ms on 20 threads, and 100 ms with 5,000 coroutines in flight."""

from __future__ import annotations

from bench.bench import Bench, Marks
from bench.figures import Figure, Limit, series
from bench.peers import treadle
from bench.workers import Wait, WaitAsync

SLOTS, SHORT = 20, 0.01
IN_FLIGHT, LONG = 5_000, 0.1


def measure(bench: Bench) -> list[Figure]:
    """Treadle alone, against what the waits themselves allow."""
    return [*_threads(bench), *_coroutines(bench)]


def _threads(bench: Bench) -> list[Figure]:
    ideal = SLOTS / SHORT
    jobs = bench.jobs_for(ideal) * 2

    def run(_: int) -> Marks:
        return treadle.perform(bench, lambda number: Wait(number, SHORT), jobs)

    taken = bench.alternate({treadle.NAME: run})
    ours = series(taken.of(treadle.NAME, lambda marks: marks.rate))
    must = Limit(0.98 * ideal, f"98 % of {ideal:,.0f}")
    return [Figure("10 ms of I/O, 20 slots", "jobs/s", ours, must=must, note=taken.note)]


def _coroutines(bench: Bench) -> list[Figure]:
    ideal = IN_FLIGHT / LONG
    jobs = bench.jobs_for(ideal) * 2

    def run(_: int) -> Marks:
        return treadle.perform(
            bench,
            lambda number: WaitAsync(number, LONG),
            jobs,
            *treadle.ASYNC_OPTIONS,
            within=15 + 4 * jobs / ideal,
        )

    taken = bench.alternate({treadle.NAME: run})
    ours = series(taken.of(treadle.NAME, lambda marks: marks.rate))
    must = Limit(0.90 * ideal, f"90 % of {ideal:,.0f}")
    wanted = Limit(0.98 * ideal, "98 %")
    what = "100 ms of I/O, async, 5,000 in flight"
    return [Figure(what, "jobs/s", ours, must=must, wanted=wanted, note=taken.note)]
