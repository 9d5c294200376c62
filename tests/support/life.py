"""What tests of the consumer share: enqueueing jobs of its shop, and reading how they ended."""

from __future__ import annotations

import json
from typing import Any

from streams.wire.failure import failure_of
from streams.wire.lifecycle import Finished, decode_batch
from tests.support.line import Line


def enqueue(line: Line, *jobs: tuple[str, dict[str, Any]]) -> list[str]:
    """Enqueue jobs of `tests/support/shops/life_jobs.py`, their kinds without "life."; their ids."""
    text = "".join(json.dumps({"kind": f"life.{kind}", "args": args}) + "\n" for kind, args in jobs)
    done = line.treadle("enqueue", "-", stdin=text)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def reasons(line: Line) -> list[str]:
    """The errors of dead jobs, sorted."""
    failures = [failure_of(dead_letter) for dead_letter in line.sent("jobs.dead")]
    return sorted(f"{failure.error}: {failure.message}" for failure in failures if failure)


def outcomes(line: Line) -> dict[str, Finished]:
    """The last reported outcome of each job."""
    batches = [decode_batch(each.value) for each in line.sent("jobs.lifecycle")]
    return {done.job: done for batch in batches for done in batch.finished}
