"""Whether a job costs the same when there are a hundred times as many."""

from __future__ import annotations

from functools import partial

from bench.bench import Bench, Marks
from bench.figures import Figure, Limit, Series, series
from bench.peers import treadle
from bench.workers import NoOp


def measure(bench: Bench) -> list[Figure]:
    """CPU time and wall time per no-op job, for each number of jobs."""

    def side(jobs: int, _: int) -> Marks:
        return treadle.perform(bench, NoOp, jobs)

    taken = bench.alternate({f"{jobs:,} jobs": partial(side, jobs) for jobs in bench.scale.sizes})
    figures = []
    for name, value, must in (
        ("CPU time", lambda marks: marks.cpu_each, Limit(10)),
        ("wall time", lambda marks: marks.wall_each, None),
    ):
        costs = {size: series(taken.of(size, value)) for size in taken.results}
        figures += [
            Figure(f"Cost of a job, {name}, {size}", "µs", cost, note=taken.note)
            for size, cost in costs.items()
        ]
        figures.append(
            Figure(
                f"Cost of a job, {name}: largest difference",
                "%",
                _difference([cost for cost in costs.values() if cost]) if len(costs) > 1 else None,
                more_is_better=False,
                must=must,
                note=taken.note,
            )
        )
    return figures


def _difference(costs: list[Series]) -> Series | None:
    """By how many per cent the most expensive size exceeds the cheapest, run by run."""
    if len(costs) < 2:
        return None
    return series(
        [(max(run) / min(run) - 1) * 100 for run in zip(*(cost.values for cost in costs), strict=True)]
    )
