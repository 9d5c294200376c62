"""A figure: what was measured on each side, its targets, and whether it meets them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Series:
    """The values of one side, one per run."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest."""
        return min(self.values), max(self.values)


@dataclass(frozen=True)
class Limit:
    """A target, and in words where it comes from ("10 times Sidekiq")."""

    value: float
    words: str = ""


@dataclass(frozen=True)
class Figure:
    """One row of the results. `more_is_better` says which side of a limit is good.

    `ours` is None when it could not be measured; `note` then says why.
    """

    measure: str
    unit: str
    ours: Series | None
    peers: Mapping[str, Series] = field(default_factory=dict)
    more_is_better: bool = True
    must: Limit | None = None
    wanted: Limit | None = None
    note: str = ""

    def holds(self, limit: Limit | None) -> bool | None:
        """Whether our median is on the good side of this limit; None when there is nothing to compare."""
        if limit is None or self.ours is None:
            return None
        ours = self.ours.median
        return ours >= limit.value if self.more_is_better else ours <= limit.value

    @property
    def target(self) -> str | None:
        """Both limits, in words."""
        sign = "≥" if self.more_is_better else "≤"
        parts = [
            f"{name} {sign} {number(limit.value)}" + (f" ({limit.words})" if limit.words else "")
            for name, limit in (("must", self.must), ("wanted", self.wanted))
            if limit
        ]
        return "; ".join(parts) or None

    def as_json(self) -> dict[str, Any]:
        """The row of `latest.json`. `held` is about `must`, and null where there is none."""
        return {
            "measure": self.measure,
            "unit": self.unit,
            "ours": self.ours and round(self.ours.median, 6),
            "peers": {name: round(series.median, 6) for name, series in self.peers.items()},
            "runs": len(self.ours.values) if self.ours else 0,
            "target": self.target,
            "held": self.holds(self.must),
            "spread": self.ours and list(self.ours.spread),
            "peer_spreads": {name: list(series.spread) for name, series in self.peers.items()},
        }


def series(values: Sequence[float]) -> Series | None:
    """A series of these values, or None without any."""
    return Series(tuple(values)) if values else None


def peers(found: Mapping[str, Sequence[float]], *names: str) -> dict[str, Series]:
    """The series of the peers that have values."""
    return {name: Series(tuple(found[name])) for name in names if found.get(name)}


def times(factor: float, of: Series | None, name: str) -> Limit | None:
    """A multiple of a peer's median; None when the peer was not measured."""
    words = name if factor == 1 else f"{factor:g} times {name}"
    return Limit(of.median * factor, words) if of else None


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` per cent of the values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values")
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def number(value: float) -> str:
    """A number for people: about three significant digits."""
    if value and abs(value) < 100:
        return f"{value:.3g}"
    return f"{value:,.0f}"
