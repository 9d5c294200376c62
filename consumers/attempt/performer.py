"""One attempt: a message becomes an outcome. Knows nothing of Kafka, and is the one place that catches everything.

The steps: read → check override → find worker → check due → run → decide. `begin` takes the first four and returns
what can run, or what ended before its worker was called; `perform` (or `perform_async`) runs it and returns the
outcome. The caller decides on which thread.

A cancel is honoured here, before an attempt; in a tier, `consumers/retries/process.py` does it. The rule is in
`streams/overrides/message.py`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from consumers.attempt.begun import Begun, NotBegun
from consumers.attempt.decide import decide
from consumers.attempt.follow_ups import follow_ups_of
from consumers.attempt.outcome import NOTHING_FOLLOWS, Cancelled, Dead, Outcome, Retrying, Succeeded
from consumers.attempt.transactions import AlreadyDone
from consumers.context import Context, Services
from consumers.worker import Worker, Workers
from streams.envelope import Envelope
from streams.errors import BadMessage, Discard, RetryLater, TookTooLong, UnknownKind
from streams.job import Kinds
from streams.message import Received
from streams.moments import epoch_ms
from streams.overrides.message import cancels
from streams.overrides.table import Overrides
from streams.process import tracing
from streams.process.logs import current_job
from streams.wire.failure import backtrace, failure, worded
from streams.wire.jobs import decode_job

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _one_of_ten() -> int:
    return random.randrange(10)  # spreads retries; need not be secret


@dataclass(frozen=True)
class Performer:
    """Everything an attempt needs: which kinds there are, who performs them, and with which services.

    A job cancelled by `overrides` does not begin. `stopping` says whether the process was asked to stop; `tracer`
    records spans, if set; without `log_failures` a worker's error is in the outcome alone; `chance` gives the
    randomness of a backoff.
    """

    kinds: Kinds
    workers: Workers
    services: Services
    overrides: Overrides = field(default_factory=Overrides)
    clock: Callable[[], datetime] = _utc_now
    stopping: Callable[[], bool] = bool
    tracer: Tracer | None = None
    log_failures: bool = True
    chance: Callable[[], int] = _one_of_ten

    def attempt(self, received: Received) -> Outcome:
        """Take all steps on this thread. Raises nothing: whatever goes wrong is in the outcome."""
        attempt = self.begin(received)
        return attempt.outcome if isinstance(attempt, NotBegun) else self.perform(attempt)

    def begin(self, received: Received) -> Begun | NotBegun:
        """Read the message, check its override, find its worker, check that it is due. Raises nothing."""
        now = self.clock()
        try:
            envelope = decode_job(received, self.kinds)
        except BadMessage as error:
            return NotBegun(received, None, now, _unreadable(error, received, now))
        override = self.overrides.of(envelope.id)
        if override is not None and cancels(override, received):
            return NotBegun(received, envelope, now, Cancelled(override.by, override.why))
        worker = self.workers.find(envelope.kind)
        if worker is None:
            return NotBegun(received, envelope, now, _without_worker(envelope, received, now))
        if envelope.due is not None and _sent_too_soon(envelope.due, received, now):
            not_yet = Retrying(envelope.due, envelope.attempt, envelope.snoozes)
            return NotBegun(received, envelope, now, not_yet)
        ctx = Context(
            job_id=envelope.id,
            kind=envelope.kind,
            attempt=envelope.attempt,
            now=now,
            services=self.services,
            deadline=now + worker.timeout if worker.timeout else None,
            ended=self.stopping,
            traceparent=envelope.traceparent,
        )
        return Begun(received, envelope, worker, now, ctx)

    def perform(self, attempt: Begun) -> Outcome:
        """Run a plain worker on this thread. Raises nothing."""
        envelope, worker, ctx = attempt.envelope, attempt.worker, attempt.ctx
        current_job.set((envelope.id, envelope.kind))
        try:
            if self.tracer is None:
                worker.perform(envelope.job, ctx)
            else:
                with tracing.span(self.tracer, envelope) as ctx.traceparent:
                    worker.perform(envelope.job, ctx)
            return _succeeded(ctx)
        except BaseException as error:  # a worker that calls sys.exit fails its attempt, not the process
            return self.outcome_of(error, attempt)
        finally:
            current_job.set(None)

    async def perform_async(self, attempt: Begun, leaving: Callable[[], bool] = bool) -> Outcome:
        """Run an `async` worker on this event loop; it is cancelled when its time limit is over.

        Raises CancelledError while the process is `leaving`: the attempt has no outcome, and the job runs elsewhere.
        """
        envelope, worker, ctx = attempt.envelope, attempt.worker, attempt.ctx
        current_job.set((envelope.id, envelope.kind))
        try:
            performing = worker.perform(envelope.job, ctx)
            if self.tracer is not None:
                performing = _traced(self.tracer, envelope, ctx, performing)
            if worker.timeout is None:
                await performing
            else:
                async with asyncio.timeout(worker.timeout.total_seconds()) as limit:
                    await performing
            return _succeeded(ctx)
        except BaseException as error:
            # While the process stays, it is from a task that the worker, or a library it uses, has cancelled.
            if isinstance(error, asyncio.CancelledError) and leaving():
                raise
            if isinstance(error, TimeoutError) and worker.timeout is not None and limit.expired():
                error = too_long(worker)
            return self.outcome_of(error, attempt)

    def outcome_of(self, error: BaseException, attempt: Begun) -> Outcome:
        """The outcome of an attempt whose worker raised this."""
        if isinstance(error, AlreadyDone):
            return Succeeded(error.follow_ups)
        envelope, now = attempt.envelope, self.clock()
        if self.log_failures and not isinstance(error, Discard | RetryLater):
            log.warning(
                "attempt_failed",
                kind=envelope.kind,
                job=envelope.id,
                attempt=envelope.attempt,
                error=type(error).__name__,
                backtrace=backtrace(error),  # what the error says may be personal: the failure header has it
            )
        try:
            return decide(envelope, error, attempt.received, now, self.chance())
        except Exception as broken:
            # A policy is code, too. One that fails would also fail in the next process, and no wait or number of
            # retries is known to be right. So there is no guess: a person decides.
            name = type(broken).__name__
            log.error(
                "policy_failed", kind=envelope.kind, job=envelope.id, error=name, backtrace=backtrace(broken)
            )
            why = f"its policy failed: {name}: {worded(broken)}"
            return Dead(failure(error, attempt.received, now, why))


def too_long(worker: Worker) -> TookTooLong:
    """The error of an attempt that exceeded its worker's time limit."""
    return TookTooLong(f"{worker.name} has a time limit of {worker.timeout} and was not finished by then")


def _unreadable(error: BadMessage, received: Received, now: datetime) -> Dead:
    return Dead(failure(error, received, now, "its message cannot be read"))


def _without_worker(envelope: Envelope, received: Received, now: datetime) -> Dead:
    try:
        raise UnknownKind(f"no worker performs {envelope.kind} here: name its module in TREADLE_WORKERS")
    except UnknownKind as error:  # raised, so that the dead letter names the process's own file and line
        return _unreadable(error, received, now)


def _sent_too_soon(due: datetime, received: Received, now: datetime) -> bool:
    """Whether a client that does not know the tiers sent it straight to its queue, before it was due.

    A job from a tier was sent when it was due by the clock of that process: if ours is behind, it is not sent back.
    """
    return due > now and epoch_ms(due) > received.timestamp


async def _traced(
    tracer: Tracer, envelope: Envelope, ctx: Context, performing: Coroutine[Any, Any, None]
) -> None:
    with tracing.span(tracer, envelope) as ctx.traceparent:
        await performing


def _succeeded(ctx: Context) -> Succeeded:
    follow_ups = follow_ups_of(ctx)
    return Succeeded(follow_ups) if follow_ups else NOTHING_FOLLOWS
