"""The slots of a process: threads that each take a delivery, perform its job, and settle it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from consumers.attempt import Performer
from consumers.lanes import Delivery, Lanes
from consumers.lifecycle import Fact
from consumers.outcome import Dead, Discarded, Outcome
from consumers.settle import settlement
from streams.envelope import Envelope
from streams.errors import NotDelivered, TreadleError
from streams.message import Received
from streams.producer import Sender

log = structlog.get_logger()


@dataclass(frozen=True)
class Slots:
    """What the slots of a process share. `on_failure` hears what could not be settled."""

    lanes: Lanes
    performer: Performer
    sender: Sender
    record: Callable[[Fact], None]
    on_failure: Callable[[TreadleError], None]

    def start(self, count: int) -> list[threading.Thread]:
        """Start so many slots; they end when the lanes are closed."""
        threads = [
            threading.Thread(target=self._serve, name=f"slot-{number}", daemon=True)
            for number in range(1, count + 1)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _serve(self) -> None:
        while (delivery := self.lanes.take()) is not None:
            try:
                self._handle(delivery)
            except Exception as error:  # ours, not the worker's: better a stopped process than a slot less
                log.exception("slot_failed", offset=delivery.received.offset)
                self.on_failure(TreadleError(f"a job of {delivery.received.topic} was not settled: {error}"))
                return

    def _handle(self, delivery: Delivery) -> None:
        started_at, began = time.time(), time.perf_counter()
        envelope, outcome = self.performer.attempt(delivery.received)
        took = time.perf_counter() - began
        self.record(_fact(envelope, outcome, delivery.received, started_at, took))
        messages = settlement(outcome, delivery.received)
        if messages:
            self.sender.send_then(messages, partial(self._settled, delivery))
        else:
            delivery.tracker.finish(delivery.received.offset)

    def _settled(self, delivery: Delivery, failure: NotDelivered | None) -> None:
        if failure:
            self.on_failure(failure)  # the offset stays unfinished: another process performs the job again
        else:
            delivery.tracker.finish(delivery.received.offset)


def _fact(
    envelope: Envelope | None, outcome: Outcome, received: Received, started_at: float, took: float
) -> Fact:
    reason = ""
    if isinstance(outcome, Discarded):
        reason = outcome.reason
    elif isinstance(outcome, Dead):
        reason = f"{outcome.failure.error}: {outcome.failure.message}"
    name = type(outcome).__name__.lower()
    if envelope is None:
        queue = received.topic.removeprefix("jobs.")
        return Fact("", "", queue, 0, name, started_at, took, reason)
    return Fact(envelope.id, envelope.kind, envelope.queue, envelope.attempt, name, started_at, took, reason)
