"""Takes turns: A B C A B C …, so that whatever disturbs the machine for a while disturbs every side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


class NotMeasured(Exception):
    """A figure could not be taken; the text gives the reason, for a person."""


@dataclass
class Taken(Generic[T]):
    """The results of the runs, by side, and why a side is missing."""

    results: dict[str, list[T]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def of(self, side: str, value: Callable[[T], float]) -> list[float]:
        """One value from each run of a side; none when the side is missing."""
        return [value(result) for result in self.results.get(side, ())]

    @property
    def note(self) -> str:
        """Which sides are missing, and why."""
        return "; ".join(f"{side}: {why}" for side, why in self.missing.items())


def alternate(
    sides: Mapping[str, Callable[[int], T]],
    runs: int,
    progress: Callable[[str], None] = lambda _: None,
    *,
    is_late: Callable[[], bool] = lambda: False,
) -> Taken[T]:
    """Run each side in turn, `runs` times; a side is given the number of the run, from 0.

    A side that raises NotMeasured is left out from then on, and its earlier results do not count. When it is late
    no further turn begins; sides that had none are named.
    """
    taken: Taken[T] = Taken({side: [] for side in sides})
    for run in range(runs):
        if is_late():
            progress(f"out of time after {run} of {runs} runs")
            taken.missing |= {side: "out of time" for side in sides if not taken.results[side]}
            break
        for side, measure in sides.items():
            if side in taken.missing:
                continue
            progress(f"{side}, run {run + 1} of {runs}")
            try:
                taken.results[side].append(measure(run))
            except NotMeasured as reason:
                taken.missing[side] = str(reason)
                taken.results[side] = []
                progress(f"{side}: {reason}")
    return taken
