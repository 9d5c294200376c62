"""Settle, then complete: what an attempt led to is in Kafka before its offset counts as finished.

This is where a job that was attempted becomes a dead letter, and where a retry starts to wait. A waiting job that does
not name its queue becomes one in `consumers/retries/process.py`, an unreadable fact in `streams/faust/reactions.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from consumers.attempt.begun import Attempt
from consumers.attempt.outcome import (
    NOTHING_FOLLOWS,
    Cancelled,
    Dead,
    Discarded,
    Outcome,
    Retrying,
    Succeeded,
)
from consumers.dispatch.work_item import WorkItem
from streams.errors import NotDelivered, TreadleError
from streams.job import Queue
from streams.kafka.producer import Sender
from streams.message import Message, Received
from streams.overrides.table import Overrides
from streams.tiers import Tiers
from streams.wire.redrive import dead_letter
from streams.wire.retry import retry_message

Record = Callable[[Attempt, Outcome, float], None]
"""Records an attempt, its outcome, and how many seconds it took."""


def settlement(
    outcome: Outcome, received: Received, home: Queue, tiers: Tiers, now: int
) -> Sequence[Message]:
    """The messages that must be acknowledged before the offset of `received` may be committed.

    `home` is the job's queue; `now` (epoch milliseconds) decides in which tier a job that is not due starts to wait.
    """
    match outcome:
        case Succeeded(follow_ups):
            return [tiers.send_to_wait(message, now) for message in follow_ups]
        case Retrying(due, attempt, snoozes, failure):
            again = retry_message(received, home, attempt=attempt, due=due, snoozes=snoozes, failure=failure)
            return (tiers.send_to_wait(again, now),)
        case Discarded() | Cancelled():
            return ()
        case Dead(failure):
            return (dead_letter(received, failure),)


@dataclass(frozen=True)
class Settler:
    """Settles attempts. `record` is called for each; `fail` is called when one could not be settled.

    The override of a job that has ended is forgotten.
    """

    sender: Sender
    tiers: Tiers
    record: Record
    fail: Callable[[TreadleError], None]
    overrides: Overrides = field(default_factory=Overrides)

    def settle(self, item: WorkItem, attempt: Attempt, outcome: Outcome, took: float) -> None:
        """Send what the attempt led to; the item is finished when Kafka has acknowledged that. `took` is in seconds."""
        self.record(attempt, outcome, took)
        envelope = attempt.envelope
        if envelope is not None and not isinstance(outcome, Retrying):
            self.overrides.ended(envelope.id)
        if outcome is NOTHING_FOLLOWS:
            item.finish()
            return
        # A job that could not be read is not retried, so it needs no home queue.
        home = envelope.queue if envelope is not None else Queue.DEFAULT
        if messages := settlement(outcome, attempt.received, home, self.tiers, _epoch_ms()):
            self.sender.send_then(messages, partial(self._sent, item))
        else:
            item.finish()

    def _sent(self, item: WorkItem, failure: NotDelivered | None) -> None:
        if failure:
            self.fail(failure)  # the offset stays incomplete: another process performs the job again
        else:
            item.finish(commit_soon=True)


def _epoch_ms() -> int:
    return time.time_ns() // 1_000_000
