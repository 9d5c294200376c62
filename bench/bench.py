"""What every measure is given: the environment, how much to measure, and a way to report progress."""

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
from bench.environment import Environment

T = TypeVar("T")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Scale:
    """How much is measured. Throughput is measured over about `seconds`; the numbers of jobs are counts.

    `watched` is how long a group is observed after a change (seconds).
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
    """What a process recorded from the start of its first job to the end of its last: wall and CPU seconds."""

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
    """`progress` reports, on stderr, what is being done. After `deadline` (monotonic seconds) no run begins."""

    environment: Environment
    scale: Scale
    progress: Callable[[str], None]
    deadline: float = math.inf

    def alternate(self, sides: Mapping[str, Callable[[int], T]]) -> Taken[T]:
        """The results of the sides, which take turns: as many runs as this scale has, or until the deadline."""
        late = partial(_is_past, self.deadline)
        return alternate(sides, self.scale.runs, self.progress, is_late=late)

    def new_file(self, name: str) -> Path:
        """A path that no run has used yet."""
        return self.environment.folder / f"{next(_numbers)}-{name}"

    def jobs_for(self, expected: float) -> int:
        """How many jobs a side performs in the time of a measure, at the expected rate (jobs a second)."""
        return max(100, int(expected * self.scale.seconds))


def _is_past(deadline: float) -> bool:
    return time.monotonic() > deadline


def marks_of(child: Child, path: Path, jobs: int, *, within: float) -> Marks:
    """Wait until the process has performed this many jobs, and read its marks. Raises NotMeasured."""
    child.wait_until(path.exists, within=within, what=f"the end of {jobs:,} jobs")
    marks = json.loads(path.read_text())
    if marks["seconds"] <= 0:
        raise NotMeasured(f"{child.name} recorded no time for {jobs:,} jobs")
    return Marks(jobs, marks["seconds"], marks["cpu"])


def marks_then_kill(child: Child, path: Path, jobs: int, *, within: float) -> Marks:
    """The same, without a graceful shutdown: what the process leaves behind is not needed."""
    marks = marks_of(child, path, jobs, within=within)
    child.kill()
    return marks
