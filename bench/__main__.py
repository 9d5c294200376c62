"""`python -m bench`: measures every figure, prints a table, and writes JSON and a picture."""

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
from bench.environment import started
from bench.figures import Figure
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
SHORT = 160.0  # seconds after which the short form begins no run: it must end within 3 minutes
RESULTS = ROOT / "bench" / "results" / "latest.json"
PICTURE = ROOT / "docs" / "benchmarks.svg"
_BEGAN = time.monotonic()


def main() -> None:
    """Exits with 1 when a figure of ours could not be measured; a missed target is a result, not an error."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers; ends within 3 minutes")
    parser.add_argument(
        "--only", action="append", choices=MEASURES, help="only this measure; may be repeated"
    )
    chosen = parser.parse_args()
    scale, deadline = (QUICK, _BEGAN + SHORT) if chosen.quick else (FULL, math.inf)
    try:
        with started(progress) as environment:
            figures = take(Bench(environment, scale, progress, deadline), chosen.only or list(MEASURES))
    except KeyboardInterrupt:
        sys.exit("bench: interrupted; nothing is left running, and nothing was written")
    except TreadleError as error:
        sys.exit(f"bench: {error}")
    table.show(figures)
    circumstances = machine() + (", short form" if chosen.quick else "")
    print(f"{circumstances}; median of {scale.runs} alternating runs (lowest to highest)")
    if chosen.only:
        progress(f"{RESULTS.name} and {PICTURE.name} are unchanged: they show only complete runs")
    else:
        write(figures, circumstances)
    sys.exit(any(figure.ours is None for figure in figures))


def take(bench: Bench, names: Sequence[str]) -> list[Figure]:
    """The figures of these measures, after a warm-up run that does not count."""
    progress("warming up")
    try:
        treadle.perform(bench, NoOp, 20_000)
    except NotMeasured as reason:
        progress(f"the warm-up failed: {reason}")
    figures: list[Figure] = []
    for name in names:
        began = time.monotonic()
        progress(f"{name}: starting")
        figures += MEASURES[name](bench)
        progress(f"{name}: {time.monotonic() - began:.0f} s")
    return figures


def write(figures: Sequence[Figure], circumstances: str) -> None:
    """Write `latest.json` and the picture."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    rows = [figure.as_json() for figure in figures]
    RESULTS.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    PICTURE.write_text(picture.draw(figures, circumstances))
    progress(f"wrote {_short(RESULTS)} and {_short(PICTURE)}")


def machine() -> str:
    """The machine that was measured on, and the date."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} CPUs, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {datetime.now(UTC):%d %B %Y}"
    )


def progress(text: str) -> None:
    """Print what is being done, with the seconds since the start, on stderr."""
    print(f"bench {time.monotonic() - _BEGAN:4.0f} s  {text}", file=sys.stderr, flush=True)


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
