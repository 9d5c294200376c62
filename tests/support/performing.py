"""Performs one job on a database, without Kafka, and says what would follow."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

import consumers.workers  # noqa: F401 - declares the workers
from consumers.context import Context
from consumers.worker import declared
from streams.job import Job, kind_of

NOW = datetime(2025, 12, 8, 18, 7, tzinfo=UTC)


class PlainTransactions:
    """One database transaction an attempt, and nothing recorded."""

    def __init__(self, loomio: Engine) -> None:
        self._loomio = loomio

    def begin(self, ctx: Context) -> AbstractContextManager[Connection]:
        return self._loomio.begin()


def perform(job: Job, loomio: Engine, *, now: datetime = NOW) -> Context:
    """Run a job's worker once. What follows is in `jobs` and `events` of the result; verdicts are raised."""
    kind = kind_of(job).name
    worker = declared.find(kind)
    assert worker is not None, f"no worker performs {kind}"
    ctx = Context(job_id="test", kind=kind, attempt=1, now=now, transactions=PlainTransactions(loomio))
    worker.perform(job, ctx)
    return ctx
