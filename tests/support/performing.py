"""Performs one job at the fixed time of the workers' tests."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine

import consumers.workers  # noqa: F401 - declares the workers
from streams.job import Job
from treadle import testing
from treadle.testing import Outcome, Succeeded

NOW = datetime(2025, 12, 8, 18, 7, tzinfo=UTC)


def perform(job: Job, loomio: Engine, *, now: datetime = NOW) -> Outcome:
    """Perform the job once. Raises what its worker raises, unless it is a verdict."""
    return testing.perform(job, loomio, now=now, raises=True)


def succeed(job: Job, loomio: Engine, *, now: datetime = NOW) -> Succeeded:
    """Perform the job once; any outcome but success fails the test."""
    outcome = perform(job, loomio, now=now)
    assert isinstance(outcome, Succeeded), outcome
    return outcome
