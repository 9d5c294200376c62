"""Figures for the tests of the benchmarks."""

from hypothesis import strategies as st

from bench.figures import Figure, Limit, Series, series

RUNS = st.lists(st.floats(min_value=0, max_value=1e9), min_size=1, max_size=9)


def a_figure(
    *ours: float, must: float | None = None, wanted: float | None = None, more_is_better: bool = True
) -> Figure:
    return Figure(
        "No-op jobs",
        "jobs/s",
        series(ours),
        {"Sidekiq": Series((5_000.0, 6_000.0, 5_500.0))},
        more_is_better=more_is_better,
        must=None if must is None else Limit(must, "10 times Sidekiq"),
        wanted=None if wanted is None else Limit(wanted),
    )
