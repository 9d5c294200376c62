"""What the tests of a consumer's life share: enqueueing for its shop, and reading why jobs died."""

from __future__ import annotations

import json
from typing import Any

from consumers.lifecycle import Finished, batch_of
from streams.dead import failure_of
from tests.support.line import Line


def enqueue(line: Line, *jobs: tuple[str, dict[str, Any]]) -> list[str]:
    """Enqueue jobs of `tests/support/shops/life_jobs.py`, named without "life."; their ids."""
    text = "".join(json.dumps({"kind": f"life.{kind}", "args": args}) + "\n" for kind, args in jobs)
    done = line.treadle("enqueue", "-", stdin=text)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def reasons(line: Line) -> list[str]:
    """Why jobs died, sorted."""
    letters = [failure_of(letter) for letter in line.sent("jobs.dead")]
    return sorted(f"{letter.error}: {letter.message}" for letter in letters if letter)


def outcomes(line: Line) -> dict[str, Finished]:
    """What was told last of each job."""
    batches = [batch_of(each.value) for each in line.sent("jobs.lifecycle")]
    return {done.job: done for batch in batches for done in batch.finished}
