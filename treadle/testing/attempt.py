"""One attempt of one job in a test, by the performer of a consumer."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, Engine

from consumers.attempt.begun import Begun, NotBegun
from consumers.attempt.outcome import Outcome
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import OnceTransactions
from consumers.context import Context, Services
from consumers.worker import Workers, declared
from streams.envelope import seal
from streams.errors import BadMessage, ConfigError, UnknownKind, Verdict
from streams.job import Job, Kinds, kind_of
from streams.message import Received
from streams.moments import epoch_ms
from streams.wire.jobs import encode_job
from treadle.testing.outcomes import failure_in, has_failed


def perform(
    job: Job,
    database: Engine | None = None,
    *,
    now: datetime | None = None,
    job_id: str | None = None,
    attempt: int = 1,
    stopping: Callable[[], bool] = bool,
    services: Services | None = None,
    workers: Workers = declared,
    raises: bool = False,
) -> Outcome:
    """Make one attempt at the job, as a consumer would, and return how it ended. Nothing is sent to Kafka.

    The worker is the one declared for the job's kind, plain or `async`, in any module imported so far; one with
    `process=True` runs in this process. Its transaction is real: `database` needs Loomio's tables and Treadle's own
    (`treadle migrate`), as the fixture `practice_database` has them. Rows stay changed.

    - `now`: the moment of the attempt (aware), by default the current time. A time limit counts from the real clock.
    - `job_id`: a fresh one by default. Once an attempt with this id has committed, the next one changes nothing and
      succeeds with the same follow-ups.
    - `attempt`: its number, from 1. It decides when a failed one is retried, and whether it is retried at all; the
      random part of the wait is 0.
    - `stopping`: what `ctx.stopping` asks, as if the process were shutting down.
    - `services`: used in place of the real ones; `database`, if given, still provides the transaction.

    When the attempt fails, the traceback goes to standard error, which pytest shows if the test fails too. With
    `raises=True` the worker's own exception is raised instead; verdicts are still returned, except `GiveUp`, which
    counts as a failure.

    Raises UnknownKind when no worker is declared for the job, BadMessage when its arguments are too large, and
    ValueError when `now` has no time zone.
    """
    performer = _Performer(
        Kinds([kind_of(job)]),
        workers,
        _services(database, services),
        clock=_clock(now),
        stopping=stopping,
        log_failures=False,
        chance=lambda: 0,
        raises=raises,
    )
    begun = performer.begin(_received(job, job_id, attempt, performer.clock()))
    if isinstance(begun, NotBegun):
        if workers.find(kind_of(job).name) is None:
            raise UnknownKind(f"no worker performs {kind_of(job).name}: import the module that declares it")
        if raises:
            raise BadMessage(failure_in(begun.outcome).message)
        return begun.outcome
    if begun.worker.timeout is not None:
        begun.ctx.deadline = datetime.now(UTC) + begun.worker.timeout
    return _run_async(performer, begun) if begun.worker.is_async else performer.perform(begun)


@dataclass(frozen=True)
class _Performer(Performer):
    """Reports what a worker has raised, where a consumer logs it."""

    raises: bool = False

    def outcome_of(self, error: BaseException, attempt: Begun) -> Outcome:
        if isinstance(error, KeyboardInterrupt):  # Ctrl-C is meant for the tests
            raise error
        outcome = super().outcome_of(error, attempt)
        if has_failed(outcome) or not isinstance(error, Verdict):  # a policy may discard a failed job
            if self.raises:
                raise error
            traceback.print_exception(error)
        return outcome


def _run_async(performer: Performer, begun: Begun) -> Outcome:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(performer.perform_async(begun, leaving=_interrupted))
    raise RuntimeError(
        "perform() runs its own event loop: in an async test, await asyncio.to_thread(perform, …)"
    )


def _interrupted() -> bool:
    """Whether Ctrl-C has cancelled the attempt from outside. A worker may also cancel tasks itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _received(job: Job, job_id: str | None, attempt: int, now: datetime) -> Received:
    envelope = seal(job, source="/treadle/testing", id=job_id, now=now)
    message = encode_job(msgspec.structs.replace(envelope, attempt=attempt))
    return Received(message.topic, 0, 0, message.key, message.value, message.headers, epoch_ms(now))


def _clock(now: datetime | None) -> Callable[[], datetime]:
    if now is not None and now.utcoffset() is None:
        raise ValueError(f"now={now.isoformat()} has no time zone: give it one, such as tzinfo=UTC")
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    return lambda: moment


def _services(database: Engine | None, services: Services | None) -> Services:
    transactions = OnceTransactions(database) if database is not None else None
    if services is None:
        return Services(transactions or _NoTransactions())
    return replace(services, transactions=transactions) if transactions else services


class _NoTransactions:
    """For a test that names no database."""

    @contextmanager
    def begin(self, ctx: Context) -> Iterator[Connection]:
        raise ConfigError(f"{ctx.kind} opens a transaction: give perform() a database")
        yield
