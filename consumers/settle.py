"""Settle, then complete: what an attempt led to is in Kafka before its offset counts as finished."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from consumers.attempt import Attempt
from consumers.lifecycle import Finished
from consumers.orders import Orders
from consumers.outcome import NOTHING_FOLLOWS, Cancelled, Dead, Discarded, Outcome, Retrying, Succeeded
from consumers.parcel import Parcel
from streams.again import again
from streams.dead import dead_letter, worded
from streams.errors import NotDelivered, TreadleError
from streams.job import Queue
from streams.message import Message, Received
from streams.producer import Sender
from streams.redrive import text_of
from streams.tiers import Tiers
from streams.topics import queue_of


def settlement(
    outcome: Outcome, received: Received, queue: Queue, tiers: Tiers, now: int
) -> Sequence[Message]:
    """The messages that must be acknowledged before the offset of `received` may be committed.

    `queue` is the job's home; `now` (epoch milliseconds) decides how what is not due yet begins to wait.
    """
    match outcome:
        case Succeeded(follow_ups):
            return [tiers.send_to_wait(message, now) for message in follow_ups]
        case Retrying(due, attempt, later, failure):
            message = again(received, queue, attempt=attempt, due=due, later=later, failure=failure)
            return (tiers.send_to_wait(message, now),)
        case Discarded() | Cancelled():
            return ()
        case Dead(failure):
            return (dead_letter(received, failure),)


@dataclass(frozen=True)
class Settler:
    """Settles attempts. `record` takes note of each; `fail` hears what could not be settled.

    An order about a job that has ended is forgotten.
    """

    sender: Sender
    tiers: Tiers
    record: Callable[[Finished], None]
    fail: Callable[[TreadleError], None]
    orders: Orders = field(default_factory=Orders)

    def settle(self, parcel: Parcel, attempt: Attempt) -> None:
        """Send what the attempt led to; the parcel is finished when Kafka has acknowledged it."""
        outcome = attempt.outcome
        assert outcome is not None
        self.record(_finished(attempt, outcome))
        if not isinstance(outcome, Retrying) and attempt.envelope is not None:
            self.orders.ended(attempt.envelope.id)
        if outcome is NOTHING_FOLLOWS:
            parcel.finish()
        elif messages := settlement(outcome, attempt.received, _home(attempt), self.tiers, _epoch_ms()):
            self.sender.send_then(messages, partial(self._sent, parcel))
        else:
            parcel.finish()

    def _sent(self, parcel: Parcel, failure: NotDelivered | None) -> None:
        if failure:
            self.fail(failure)  # the offset stays unfinished: another process performs the job again
        else:
            parcel.finish(led_on=True)


def _home(attempt: Attempt) -> Queue:
    if attempt.envelope is not None:
        return attempt.envelope.queue
    # Of no use: what cannot be read is not tried again.
    return queue_of(attempt.received.topic) or Queue.DEFAULT


def _epoch_ms() -> int:
    return time.time_ns() // 1_000_000


def _finished(attempt: Attempt, outcome: Outcome) -> Finished:
    name, reason = ("succeeded", "") if outcome is NOTHING_FOLLOWS else _told(outcome)
    envelope = attempt.envelope
    if envelope is None:
        queue = attempt.received.topic.removeprefix("jobs.")
        # Its kind is left out: whatever foreign clients write there would become labels of metrics.
        job = text_of(attempt.received, "ce_id")
        return Finished(job, "", queue, 0, name, attempt.began_at, attempt.took, reason)
    job, kind, queue = envelope.id, envelope.kind, envelope.queue
    return Finished(job, kind, queue, envelope.attempt, name, attempt.began_at, attempt.took, reason)


def _told(outcome: Outcome) -> tuple[str, str]:
    match outcome:
        case Succeeded():
            return "succeeded", ""
        case Discarded(reason):
            return "discarded", reason
        case Retrying(failure=None):
            return "later", ""
        case Retrying(failure=failure):
            assert failure is not None
            return "retrying", f"{failure.error}: {failure.message}"
        case Cancelled(by, why):
            return "cancelled", worded(f"by {by}: {why}" if why else f"by {by}")
        case Dead(failure):
            return "dead", f"{failure.error}: {failure.message}"
