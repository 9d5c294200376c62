"""One attempt: a message becomes an outcome. Knows no Kafka, and is the one place that catches everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from consumers.context import Context, Transactions
from consumers.follow_ups import messages_of
from consumers.once import AlreadyDone
from consumers.outcome import Dead, Discarded, Outcome, Succeeded
from consumers.worker import Workers
from streams.codec import decode_job
from streams.dead import failure
from streams.envelope import Envelope
from streams.errors import BadMessage, Discard, UnknownKind
from streams.job import Kinds
from streams.logs import current_job
from streams.message import Received

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Performer:
    """Everything an attempt needs: what kinds there are, who performs them, and on which database."""

    kinds: Kinds
    workers: Workers
    transactions: Transactions
    clock: Callable[[], datetime] = _utc_now

    def attempt(self, received: Received) -> tuple[Envelope | None, Outcome]:
        """Read the message and perform its job. Never raises: whatever goes wrong is the outcome.

        The envelope is None when the message cannot be read.
        """
        now = self.clock()
        try:
            envelope = decode_job(received, self.kinds)
        except BadMessage as error:
            return None, Dead(failure(error, received, now))
        return envelope, self._outcome(envelope, received, now)

    def _outcome(self, envelope: Envelope, received: Received, now: datetime) -> Outcome:
        try:
            return Succeeded(messages_of(self.perform(envelope, now)))
        except AlreadyDone as earlier:
            return Succeeded(earlier.follow_ups)
        except Discard as verdict:
            return Discarded(verdict.reason)
        except BaseException as error:  # a worker that calls sys.exit fails its attempt, not the process
            log.warning(
                "attempt_failed",
                kind=envelope.kind,
                job=envelope.id,
                attempt=envelope.attempt,
                error=type(error).__name__,
                exc_info=error,
            )
            return Dead(failure(error, received, self.clock()))

    def perform(self, envelope: Envelope, now: datetime) -> Context:
        """Run the worker; the context tells what follows. Raises what the worker raises."""
        worker = self.workers.find(envelope.kind)
        if worker is None:
            raise UnknownKind(f"no worker performs {envelope.kind} here: name its module in TREADLE_WORKERS")
        ctx = Context(
            job_id=envelope.id,
            kind=envelope.kind,
            attempt=envelope.attempt,
            now=now,
            transactions=self.transactions,
        )
        token = current_job.set((envelope.id, envelope.kind))
        try:
            worker.perform(envelope.job, ctx)
        finally:
            current_job.reset(token)
        return ctx
