"""One attempt: a message becomes an outcome. Knows no Kafka, and is the one place that catches everything.

The steps, over one value: `begin` reads the message and finds its worker, `perform` (or `perform_async`) runs it,
and what it raises or leaves behind is the outcome. Whoever runs them decides on which thread.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from consumers.context import Context, Transactions
from consumers.follow_ups import messages_of
from consumers.once import AlreadyDone
from consumers.orders import Orders
from consumers.outcome import NOTHING_FOLLOWS, Cancelled, Dead, Outcome, Retrying, Succeeded
from consumers.policy import decide
from consumers.worker import Worker, Workers
from streams import tracing
from streams.codec import decode_job, epoch_ms
from streams.dead import backtrace, failure, worded
from streams.envelope import Envelope
from streams.errors import BadMessage, Discard, RetryLater, TookTooLong, UnknownKind
from streams.job import Kinds
from streams.logs import current_job
from streams.message import Received
from streams.orders import cancels

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _one_of_ten() -> int:
    return random.randrange(10)  # spreads retries; no secret


class Attempt:
    """The value that walks through the steps. `envelope` is None when the message could not be read."""

    __slots__ = ("began_at", "ctx", "envelope", "outcome", "received", "started_at", "took", "worker")

    def __init__(self, received: Received, started_at: datetime) -> None:
        self.received = received
        self.started_at = started_at
        self.envelope: Envelope | None = None
        self.worker: Worker | None = None
        self.ctx: Context | None = None
        self.outcome: Outcome | None = None
        self.began_at = started_at.timestamp()
        self.took = 0.0


@dataclass(frozen=True)
class Performer:
    """Everything an attempt needs: what kinds there are, who performs them, and on which database.

    `stopping` tells workers whether the process has been asked to end; `tracer` records spans, if set;
    without `log_failures` what a worker raises is in the outcome alone; `chance` is the randomness of a backoff.
    A job that is cancelled by `orders` does not begin.
    """

    kinds: Kinds
    workers: Workers
    transactions: Transactions
    clock: Callable[[], datetime] = _utc_now
    stopping: Callable[[], bool] = bool
    tracer: Tracer | None = None
    log_failures: bool = True
    chance: Callable[[], int] = _one_of_ten
    orders: Orders = field(default_factory=Orders)

    def attempt(self, received: Received) -> Attempt:
        """All steps, on this thread. Never raises: whatever goes wrong is the outcome."""
        attempt = self.begin(received)
        if attempt.outcome is None:
            self.perform(attempt)
        return attempt

    def begin(self, received: Received) -> Attempt:
        """Read the message and find its worker. The attempt has an outcome already when that fails."""
        attempt = Attempt(received, self.clock())
        try:
            attempt.envelope = envelope = decode_job(received, self.kinds)
            order = self.orders.of(envelope.id)
            if order is not None and cancels(order, received):
                attempt.outcome = Cancelled(order.by, order.why)
                return attempt
            attempt.worker = worker = self.workers.find(envelope.kind)
            if worker is None:
                raise UnknownKind(
                    f"no worker performs {envelope.kind} here: name its module in TREADLE_WORKERS"
                )
        except BadMessage as error:
            attempt.outcome = Dead(failure(error, received, attempt.started_at, "it cannot be read here"))
            return attempt
        if envelope.due is not None and _came_too_soon(envelope.due, attempt):
            attempt.outcome = Retrying(envelope.due, envelope.attempt, envelope.later)
            return attempt
        attempt.ctx = Context(
            job_id=envelope.id,
            kind=envelope.kind,
            attempt=envelope.attempt,
            now=attempt.started_at,
            transactions=self.transactions,
            deadline=attempt.started_at + worker.timeout if worker.timeout else None,
            ended=self.stopping,
            traceparent=envelope.traceparent,
        )
        return attempt

    def perform(self, attempt: Attempt) -> None:
        """Run a plain worker on this thread; the outcome is set then. Raises nothing."""
        envelope, worker, ctx = _begun(attempt)
        current_job.set((envelope.id, envelope.kind))
        try:
            if self.tracer is None:
                worker.perform(envelope.job, ctx)
            else:
                with tracing.span(self.tracer, envelope) as ctx.traceparent:
                    worker.perform(envelope.job, ctx)
            attempt.outcome = _succeeded(ctx)
        except BaseException as error:  # a worker that calls sys.exit fails its attempt, not the process
            attempt.outcome = self.outcome_of(error, attempt)
        finally:
            current_job.set(None)

    async def perform_async(self, attempt: Attempt, leaving: Callable[[], bool] = bool) -> None:
        """Run an `async` worker on this event loop; cancelled when its time is over.

        Raises CancelledError while the process is `leaving`: the attempt has no outcome, and the job runs elsewhere.
        """
        envelope, worker, ctx = _begun(attempt)
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
            attempt.outcome = _succeeded(ctx)
        except BaseException as error:
            # At any other time it comes from a task that the worker, or a library of its, has cancelled.
            if isinstance(error, asyncio.CancelledError) and leaving():
                raise
            if isinstance(error, TimeoutError) and worker.timeout is not None and limit.expired():
                error = too_long(worker)
            attempt.outcome = self.outcome_of(error, attempt)

    def outcome_of(self, error: BaseException, attempt: Attempt) -> Outcome:
        """What an attempt ends in whose worker raised this."""
        if isinstance(error, AlreadyDone):
            return Succeeded(error.follow_ups)
        envelope, now = attempt.envelope, self.clock()
        assert envelope is not None  # else it had an outcome before any worker was asked
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
            # A policy is code, too. One that fails would fail with the next process as well, and says of no wait and no
            # number of retries that it is right: so no guess is made, and a person decides.
            name = type(broken).__name__
            log.error(
                "policy_failed",
                kind=envelope.kind,
                job=envelope.id,
                error=name,
                backtrace=backtrace(broken),
            )
            why = f"its policy failed: {name}: {worded(broken)}"
            return Dead(failure(error, attempt.received, now, why))


def _came_too_soon(due: datetime, attempt: Attempt) -> bool:
    """Whether it was sent home before it was due, past the tiers, by somebody who does not know them.

    What comes out of a tier was sent when it was due by the clock there: should ours be behind, it is not sent back.
    """
    return due > attempt.started_at and epoch_ms(due) > attempt.received.timestamp


def too_long(worker: Worker) -> TookTooLong:
    """The error of an attempt that went past its worker's timeout."""
    return TookTooLong(f"{worker.name} may take {worker.timeout}, and was not finished by then")


async def _traced(
    tracer: Tracer, envelope: Envelope, ctx: Context, performing: Coroutine[Any, Any, None]
) -> None:
    with tracing.span(tracer, envelope) as ctx.traceparent:
        await performing


def _succeeded(ctx: Context) -> Succeeded:
    follow_ups = messages_of(ctx)
    return Succeeded(follow_ups) if follow_ups else NOTHING_FOLLOWS


def _begun(attempt: Attempt) -> tuple[Envelope, Worker, Context]:
    assert attempt.envelope is not None
    assert attempt.worker is not None
    assert attempt.ctx is not None
    return attempt.envelope, attempt.worker, attempt.ctx
