"""`python -m bench`: takes every figure, shows them as a table, and writes them as JSON and as a picture."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench import picture, table
from bench.alternating import NotMeasured
from bench.bench import FULL, QUICK, Bench
from bench.children import ROOT
from bench.figures import Figure
from bench.ground import ground
from bench.measures import backlog, cost, enqueueing, killed, latency, membership, no_op, waiting
from bench.peers import treadle
from bench.workers import NoOp
from streams.errors import TreadleError

MEASURES: dict[str, Callable[[Bench], list[Figure]]] = {
    "no-op": no_op.measure,
    "waiting": waiting.measure,
    "enqueueing": enqueueing.measure,
    "latency": latency.measure,
    "backlog": backlog.measure,
    "cost": cost.measure,
    "killed": killed.measure,
    "membership": membership.measure,
}
SHORT = 160.0  # seconds after which the short form begins no run: it has to end within 3 minutes
RESULTS = ROOT / "bench" / "results" / "latest.json"
PICTURE = ROOT / "docs" / "benchmarks.svg"
_BEGAN = time.monotonic()


def main() -> None:
    """Exits with 1 when a figure of ours could not be taken; a target that is missed is a result."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers; ends within 3 minutes")
    parser.add_argument("--only", action="append", choices=MEASURES, help="this measure; may be repeated")
    chosen = parser.parse_args()
    scale, deadline = (QUICK, _BEGAN + SHORT) if chosen.quick else (FULL, math.inf)
    try:
        with ground(tell) as place:
            figures = take(Bench(place, scale, tell, deadline), chosen.only or list(MEASURES))
    except KeyboardInterrupt:
        sys.exit("bench: stopped; nothing is left running, and nothing was written")
    except TreadleError as error:
        sys.exit(f"bench: {error}")
    table.show(figures)
    told = machine() + (", short form" if chosen.quick else "")
    print(f"{told}; median of {scale.runs} alternating runs (lowest to highest)")
    if chosen.only:
        tell(f"{RESULTS.name} and {PICTURE.name} are left as they are: they show whole runs alone")
    else:
        write(figures, told)
    sys.exit(any(figure.ours is None for figure in figures))


def take(bench: Bench, names: Sequence[str]) -> list[Figure]:
    """The figures of these measures, after a run that warms the broker up and does not count."""
    tell("warming up")
    try:
        treadle.perform(bench, NoOp, 20_000)
    except NotMeasured as reason:
        tell(f"the warm-up went wrong: {reason}")
    figures: list[Figure] = []
    for name in names:
        began = time.monotonic()
        tell(f"{name}: begins")
        figures += MEASURES[name](bench)
        tell(f"{name}: {time.monotonic() - began:.0f} s")
    return figures


def write(figures: Sequence[Figure], told: str) -> None:
    """Write `latest.json` and the picture."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    rows = [figure.as_json() for figure in figures]
    RESULTS.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    PICTURE.write_text(picture.draw(figures, told))
    tell(f"wrote {_short(RESULTS)} and {_short(PICTURE)}")


def machine() -> str:
    """What the figures were taken on, and when."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} CPUs, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {datetime.now(UTC):%d %B %Y}"
    )


def tell(text: str) -> None:
    """Say on stderr what is going on, and how long after the beginning."""
    print(f"bench {time.monotonic() - _BEGAN:4.0f} s  {text}", file=sys.stderr, flush=True)


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
