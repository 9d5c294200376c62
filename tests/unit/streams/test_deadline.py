"""Deadlines: how much time is left, and when it is over."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from streams.deadline import Deadline


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, which shows the last of these seconds."""
    seconds = [100.0]
    monkeypatch.setattr("streams.deadline.time", SimpleNamespace(monotonic=lambda: seconds[-1]))
    return seconds


@pytest.mark.parametrize("within", [5.0, 5, timedelta(seconds=5)])
def test_time_runs_out(within: timedelta | float, clock: list[float]) -> None:
    deadline = Deadline(within)

    seen = []
    for now in (100.0, 104.5, 105.0, 200.0):
        clock.append(now)
        seen.append((deadline.left, deadline.over))

    assert seen == [(5.0, False), (0.5, False), (0.0, True), (0.0, True)]


@pytest.mark.parametrize("within", [0, -1.0, timedelta(), timedelta(days=-1)])
def test_without_any_time_it_is_over_already(within: timedelta | float) -> None:
    deadline = Deadline(within)

    assert deadline.over
    assert deadline.left == 0.0
