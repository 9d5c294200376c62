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

from consumers.attempt.begun import NotBegun
from consumers.attempt.outcome import Dead, Discarded, Outcome, Retrying, Succeeded
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.worker import Workers
from streams.envelope import seal
from streams.job import Job, Kinds, kind_of
from streams.message import Received
from streams.wire.jobs import encode_job
from streams.wire.sidekiq import as_ruby
from treadle.perform.row_changes import Changes, row_changes


@dataclass
class ForegroundTransactions:
    """Transactions that record what they change; with `dry_run` they are rolled back."""

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
    """How one attempt ended: succeeded, discarded, failed or snoozed. `jobs` and `events` were not sent."""

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
    """Perform the job once, on the database, as if the time were `now`. Nothing is sent.

    With `dry_run` the transaction is rolled back; only numbers drawn from sequences stay consumed.
    """
    foreground = ForegroundTransactions(engine, dry_run) if engine else None
    services = Services(foreground or NoDatabase())
    moment = now or datetime.now(UTC)
    performer = Performer(kinds, workers, services, clock=lambda: moment, log_failures=False)
    message = encode_job(seal(job, source="/treadle/perform", now=moment))
    received = Received("the command line", 0, 0, message.key, message.value, message.headers, 0)
    attempt = performer.begin(received)
    if isinstance(attempt, NotBegun):
        return _without_effect(attempt.outcome)
    if attempt.worker.timeout is not None:  # a time limit runs by the real clock, whatever `now` is
        attempt.ctx.deadline = datetime.now(UTC) + attempt.worker.timeout
    if attempt.worker.is_async:
        # While it is "leaving", a Ctrl-C is not the job's failure.
        outcome = asyncio.run(performer.perform_async(attempt, leaving=lambda: True))
    else:
        outcome = performer.perform(attempt)
    if not isinstance(outcome, Succeeded):
        return _without_effect(outcome)
    ctx = attempt.ctx
    events = [msgspec.to_builtins(event) for event in ctx.events]
    return Performed("succeeded", "", foreground.changes if foreground else {}, ctx.jobs, events)


def _without_effect(outcome: Outcome) -> Performed:
    match outcome:
        case Discarded(reason):
            return Performed("discarded", reason)
        case Retrying(due, failure=None):
            return Performed("snoozed", f"until {due:%Y-%m-%d %H:%M:%S} UTC")
        case Dead(failure) | Retrying(failure=failure) if failure is not None:
            return Performed("failed", f"{failure.error}: {failure.message}")
    raise AssertionError(outcome)  # nothing is cancelled here
