"""One attempt of one job in the foreground, without Kafka: what it changes, and what it would send."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine

from consumers.attempt import Performer
from consumers.context import Context, Transactions
from consumers.once import NoDatabase
from consumers.outcome import Dead, Discarded, Retrying
from consumers.worker import Workers
from streams.codec import as_ruby, encode_job
from streams.envelope import seal
from streams.job import Job, Kinds, kind_of
from streams.message import Received
from treadle.row_changes import Changes, row_changes


@dataclass
class ForegroundTransactions:
    """Transactions that note what they change, and with `dry_run` take it back."""

    engine: Engine
    dry_run: bool
    changes: Changes = field(default_factory=dict)

    @contextmanager
    def begin(self, ctx: Context) -> Iterator[Connection]:
        """Open the transaction. Unlike a consumer's it records no job id: a person asked for this run."""
        with self.engine.connect() as db, db.begin() as transaction:
            yield db
            with self.engine.connect() as outside:
                self.changes = row_changes(db, outside)
            if self.dry_run:
                transaction.rollback()


def _golden(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: rows for name, rows in changes.items() if name != "deleted_rows"}


@dataclass(frozen=True)
class Performed:
    """What one attempt came to: succeeded, discarded, failed or later. `jobs` and `events` were not sent."""

    outcome: str
    reason: str = ""
    rows: Changes = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def as_golden(self) -> dict[str, Any]:
        """In the shape of Loomio's golden cases: jobs under the Ruby classes and arguments they replace."""
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "rows": {table: _golden(changes) for table, changes in self.rows.items()},
            "jobs": [as_ruby(job) | {"queue": kind_of(job).queue.value} for job in self.jobs],
            "events": self.events,
            "mails": [],
            "live": [],
            "http": [],
        }


def perform(
    job: Job,
    *,
    kinds: Kinds,
    workers: Workers,
    engine: Engine | None,
    now: datetime | None = None,
    dry_run: bool = False,
) -> Performed:
    """Perform the job once, on the database, as if the time were `now`. Nothing is sent to anybody.

    With `dry_run` the transaction is rolled back; only numbers drawn from sequences stay used.
    """
    foreground = ForegroundTransactions(engine, dry_run) if engine else None
    transactions: Transactions = foreground or NoDatabase()
    moment = now or datetime.now(UTC)
    performer = Performer(kinds, workers, transactions, clock=lambda: moment, log_failures=False)
    message = encode_job(seal(job, source="/treadle/perform", now=moment))
    here = Received("the command line", 0, 0, message.key, message.value, message.headers, 0)
    attempt = performer.begin(here)
    if attempt.worker is not None and attempt.worker.is_async:
        asyncio.run(performer.perform_async(attempt, leaving=lambda: True))  # Ctrl-C is no failure of the job
    elif attempt.outcome is None:
        performer.perform(attempt)
    match attempt.outcome:
        case Discarded(reason):
            return Performed("discarded", reason)
        case Retrying(due, failure=None):
            return Performed("later", f"again at {due:%Y-%m-%d %H:%M:%S} UTC")
        case Dead(failure) | Retrying(failure=failure) if failure is not None:
            return Performed("failed", f"{failure.error}: {failure.message}")
    ctx = attempt.ctx
    assert ctx is not None
    events = [msgspec.to_builtins(event) for event in ctx.events]
    return Performed("succeeded", "", foreground.changes if foreground else {}, ctx.jobs, events)
