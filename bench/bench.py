"""What every measure is handed: the ground, how much to do, and a way to say what is going on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.alternating import NotMeasured
from bench.children import Child
from bench.ground import Ground

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Scale:
    """How much is measured. Throughput is measured over about `seconds`; jobs are counts."""

    runs: int
    seconds: float
    backlog: int
    waits: int
    sizes: tuple[int, ...]
    killed: int


FULL = Scale(5, 8, backlog=1_000_000, waits=1_000, sizes=(10_000, 100_000, 1_000_000), killed=600_000)
QUICK = Scale(3, 1, backlog=60_000, waits=150, sizes=(10_000, 40_000), killed=120_000)


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
    """`tell` says, on stderr, what is being done."""

    ground: Ground
    scale: Scale
    tell: Callable[[str], None]

    def new_file(self, name: str) -> Path:
        """A path that no run has used."""
        return self.ground.folder / f"{next(_numbers)}-{name}"

    def jobs_for(self, expected: float) -> int:
        """How many jobs a side does in the time of a measure, at so many a second."""
        return max(100, int(expected * self.scale.seconds))


def marks_of(child: Child, path: Path, jobs: int, *, within: float) -> Marks:
    """Wait until the process has done so many jobs, and read what it noted. Raises NotMeasured."""
    child.wait_until(path.exists, within=within, what=f"{child.name} being done with {jobs:,} jobs")
    noted = json.loads(path.read_text())
    if noted["seconds"] <= 0:
        raise NotMeasured(f"{child.name} noted no time for {jobs:,} jobs")
    return Marks(jobs, noted["seconds"], noted["cpu"])
