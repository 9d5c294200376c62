"""A consumer process: intakes fill the lanes, slots and event loop empty them, signals end it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from consumers.attempt import Attempt, Performer
from consumers.event_loop import EventLoop
from consumers.health import HealthServer, Pulse
from consumers.kafka_intake import IntakeSettings, KafkaIntake
from consumers.kafka_orders import KafkaOrders
from consumers.lanes import Lanes
from consumers.lifecycle import Lifecycle, Running
from consumers.orders import Orders
from consumers.pool import WorkerPool
from consumers.routes import Routes, Stations
from consumers.settle import Settler
from consumers.signals import Signals
from consumers.slots import Slots
from streams import metrics
from streams.errors import TreadleError
from streams.job import Queue
from streams.producer import Producer
from streams.tiers import Tiers

log = structlog.get_logger()


@dataclass(frozen=True)
class ConsumerSettings:
    """`weights` names the queues to serve and their shares; `http` is host:port, or None for no HTTP.

    At most `slots` jobs of plain workers and `async_limit` of `async` ones are at work at once.
    """

    intake: IntakeSettings
    tiers: Tiers
    weights: Mapping[Queue, int]
    slots: int = 20
    async_limit: int = 1_000
    drain: timedelta = timedelta(seconds=25)
    http: str | None = None


class ConsumerProcess:
    """The parts of a consumer, put together. `build` makes the Performer of a child in the process pool."""

    def __init__(
        self, settings: ConsumerSettings, performer: Performer, build: Callable[[], Performer]
    ) -> None:
        self._settings = settings
        self._failure: TreadleError | None = None
        self._signals = Signals(self.at_work)
        orders = Orders()
        performer = replace(performer, stopping=lambda: self._signals.draining, orders=orders)
        self._producer = Producer(settings.intake.kafka)
        self._lifecycle = Lifecycle(self._producer, self._running)
        self._stations = Stations(Lanes(settings.weights), Lanes(settings.weights))
        self._orders = KafkaOrders(settings.intake.kafka, orders, self._producer, self._fail)
        settler = Settler(self._producer, settings.tiers, self._lifecycle.record, self._fail, orders)
        self._pool = WorkerPool(performer, build)
        self._slots = Slots(self._stations.slots, performer, settler, self._pool.run, settings.slots)
        self._loop = EventLoop(self._stations.loop, performer, settler, settings.async_limit)
        self._intakes = [
            KafkaIntake(
                queue,
                settings.intake,
                Routes(queue, performer.kinds, performer.workers, self._stations),
                self._fail,
            )
            for queue in settings.weights
        ]

    def run(self) -> None:
        """Perform jobs until SIGTERM, then let those at work finish, for `drain` at most.

        Raises TreadleError when something could not be settled or Kafka gave up on us; what was not
        finished is not committed then, and another process performs it.
        """
        http = self._settings.http
        health = HealthServer(http, self.pulse, self._update_metrics) if http else None
        self._orders.start()
        gc.collect()
        gc.freeze()  # modules and classes stay: the collector need not look through them for ever
        gc.set_threshold(50_000, 20, 100)  # thousands of jobs under way are no garbage, however young
        self._lifecycle.start()
        self._slots.start()
        self._loop.start()
        for intake in self._intakes:
            intake.start()
        log.info(
            "consumer_started",
            queues=list(self._settings.weights),
            slots=self._settings.slots,
            http=health.address if health else None,
        )
        self._signals.asked.wait()
        if self._signals.quiet and not self._signals.draining and self._failure is None:
            self._leave()
            log.info("consumer_quiet", advice="it performs nothing more, and waits for SIGTERM")
            self._signals.asked.clear()
            while not self._signals.draining:  # in this order: what comes after the look is waited for
                self._signals.asked.wait()
                self._signals.asked.clear()
        else:
            self._leave()
        self._pool.close()
        self._orders.close()
        self._lifecycle.close()
        self._producer.close()
        if health is not None:
            health.close()
        if self._failure is not None:
            raise self._failure
        log.info("consumer_stopped")

    def pulse(self) -> Pulse:
        """What there is to see of the process now."""
        running = len(self.at_work())
        return Pulse(
            ready=all(intake.ready for intake in self._intakes) and not self._signals.asked.is_set(),
            waiting=sum(intake.waiting for intake in self._intakes),
            running=running,
            free=self._settings.slots - len(self._slots.at_work()),
            started=self._slots.started + self._loop.started,
        )

    def at_work(self) -> list[Attempt]:
        """Every job at work."""
        return [*self._slots.at_work(), *self._loop.at_work()]

    def _leave(self) -> None:
        """Start nothing more, wait for what is at work, commit, and give the partitions to others."""
        log.info("consumer_draining", jobs=len(self.at_work()))
        for intake in self._intakes:
            intake.quiet()
        for lanes in self._stations:
            lanes.close()
        self._wait(timedelta(seconds=1) if self._failure is not None else self._settings.drain)
        self._loop.cancel()
        for intake in self._intakes:
            intake.close()

    def _wait(self, within: timedelta) -> None:
        give_up_at = time.monotonic() + within.total_seconds()
        while running := sum(intake.running for intake in self._intakes):
            if time.monotonic() > give_up_at:
                log.warning("left_unfinished", jobs=running, advice="another process performs them again")
                return
            time.sleep(0.01)

    def _fail(self, failure: TreadleError) -> None:
        self._failure = self._failure or failure
        self._signals.asked.set()

    def _running(self, since: float) -> list[Running]:
        return [
            Running(e.id, e.kind, e.queue, e.attempt, attempt.began_at)
            for attempt in self.at_work()
            if attempt.began_at < since and (e := attempt.envelope) is not None
        ]

    def _update_metrics(self, pulse: Pulse) -> None:
        metrics.RUNNING.set(pulse.running)
        for intake in self._intakes:
            metrics.WAITING.labels(intake.queue).set(intake.waiting)
            metrics.PARTITIONS.labels(intake.queue).set(intake.partitions)
