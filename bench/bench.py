"""What every measure is handed: the ground, how much to do, and a way to say what is going on."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench.alternating import NotMeasured, Taken, alternate
from bench.children import Child
from bench.ground import Ground

T = TypeVar("T")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Scale:
    """How much is measured. Throughput is measured over about `seconds`; jobs are counts.

    `watched` is how long the group is watched after a change (seconds).
    """

    runs: int
    seconds: float
    backlog: int
    waits: int
    sizes: tuple[int, ...]
    killed: int
    watched: float


FULL = Scale(
    runs=3,
    seconds=8,
    backlog=1_000_000,
    waits=1_000,
    sizes=(10_000, 100_000, 1_000_000),
    killed=600_000,
    watched=3,
)
QUICK = Scale(
    runs=3, seconds=0.5, backlog=60_000, waits=100, sizes=(10_000, 40_000), killed=80_000, watched=0.5
)


@dataclass(frozen=True)
class Marks:
    """What a process noted, from the begin of the first job to the end of the last: wall and CPU seconds."""

    jobs: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds of CPU time for each job."""
        return self.cpu / self.jobs * 1e6

    @property
    def wall_each(self) -> float:
        """Microseconds that passed for each job."""
        return self.seconds / self.jobs * 1e6


@dataclass(frozen=True)
class Bench:
    """`tell` says, on stderr, what is being done. After `deadline` (monotonic seconds) no run begins."""

    ground: Ground
    scale: Scale
    tell: Callable[[str], None]
    deadline: float = math.inf

    def alternate(self, sides: Mapping[str, Callable[[int], T]]) -> Taken[T]:
        """What the sides give in turn, as often as this scale wants, or until it is late."""
        late = partial(_is_past, self.deadline)
        return alternate(sides, self.scale.runs, self.tell, is_late=late)

    def new_file(self, name: str) -> Path:
        """A path that no run has used."""
        return self.ground.folder / f"{next(_numbers)}-{name}"

    def jobs_for(self, expected: float) -> int:
        """How many jobs a side does in the time of a measure, at so many a second."""
        return max(100, int(expected * self.scale.seconds))


def _is_past(deadline: float) -> bool:
    return time.monotonic() > deadline


def marks_of(child: Child, path: Path, jobs: int, *, within: float) -> Marks:
    """Wait until the process has done so many jobs, and read what it noted. Raises NotMeasured."""
    child.wait_until(path.exists, within=within, what=f"{child.name} being done with {jobs:,} jobs")
    noted = json.loads(path.read_text())
    if noted["seconds"] <= 0:
        raise NotMeasured(f"{child.name} noted no time for {jobs:,} jobs")
    return Marks(jobs, noted["seconds"], noted["cpu"])


def marks_then_kill(child: Child, path: Path, jobs: int, *, within: float) -> Marks:
    """The same, and no waiting for an orderly end, as nobody needs what the process leaves behind."""
    marks = marks_of(child, path, jobs, within=within)
    child.kill()
    return marks
