"""A consumer process: intakes fill the lanes, slots empty them, signals end it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from consumers.attempt import Performer
from consumers.intake import Intake
from consumers.lanes import Lanes
from consumers.lifecycle import Lifecycle
from consumers.slots import Slots
from streams.errors import TreadleError
from streams.job import Queue
from streams.producer import Producer

log = structlog.get_logger()


@dataclass(frozen=True)
class ConsumerSettings:
    """`weights` names the queues to serve and their shares; `kafka` holds librdkafka's properties."""

    kafka: Mapping[str, Any]
    weights: Mapping[Queue, int]
    slots: int = 20
    drain: timedelta = timedelta(seconds=25)


@dataclass
class _Ending:
    """Why and that the process is to end."""

    asked: threading.Event = field(default_factory=threading.Event)
    failure: TreadleError | None = None

    def fail(self, failure: TreadleError) -> None:
        self.failure = self.failure or failure
        self.asked.set()


def run_consumer(settings: ConsumerSettings, performer: Performer) -> None:
    """Perform jobs until SIGTERM or SIGINT, then let those under way finish, for `drain` at most.

    Raises TreadleError when something could not be settled or Kafka gave up on us; what was not
    finished is not committed then, and another process performs it.
    """
    ending = _Ending()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.asked.set())
    producer = Producer(settings.kafka)
    lifecycle = Lifecycle(producer)
    lanes = Lanes(settings.weights)
    intakes = [Intake(queue, settings.kafka, lanes, on_failure=ending.fail) for queue in settings.weights]
    slots = Slots(lanes, performer, producer, lifecycle.record, ending.fail)
    slots.start(settings.slots)
    for intake in intakes:
        intake.start()
    log.info("consumer_started", queues=list(settings.weights), slots=settings.slots)

    ending.asked.wait()

    for intake in intakes:
        intake.quiet()
    lanes.close()
    _drain(intakes, settings.drain if ending.failure is None else timedelta(seconds=1))
    for intake in intakes:
        intake.close()
    lifecycle.close()
    producer.close()
    if ending.failure is not None:
        raise ending.failure
    log.info("consumer_stopped")


def _drain(intakes: list[Intake], within: timedelta) -> None:
    give_up_at = time.monotonic() + within.total_seconds()
    while running := sum(intake.running for intake in intakes):
        if time.monotonic() > give_up_at:
            log.warning("left_unfinished", jobs=running, advice="another process performs them again")
            return
        time.sleep(0.01)
