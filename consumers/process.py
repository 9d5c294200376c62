"""A consumer process: fetchers fill the ready queues, slots and the event loop empty them, signals stop it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from consumers.attempt.begun import Begun
from consumers.attempt.performer import Performer
from consumers.dispatch.dispatcher import Dispatcher, ReadyQueues
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.executors.event_loop import EventLoop
from consumers.executors.process_pool import ProcessPool
from consumers.executors.slots import Slots
from consumers.fetching.fetcher import Fetcher
from consumers.settling.reporter import Reporter
from consumers.settling.settle import Settler
from consumers.signals import Signals
from streams.deadline import Deadline
from streams.errors import TreadleError
from streams.job import Queue
from streams.kafka.producer import Producer
from streams.overrides.feed import OverrideFeed
from streams.process import metrics
from streams.process.health import HealthServer, Pulse
from streams.tiers import Tiers

log = structlog.get_logger()

_AFTER_FAILURE = timedelta(seconds=1)  # to finish jobs in flight when a failure stops the process


@dataclass(frozen=True)
class ConsumerSettings:
    """`kafka` holds librdkafka's properties, `weights` the queues to serve and their shares.

    At most `slots` jobs of plain workers and `async_limit` of `async` ones are in flight at a time; they have `drain`
    to finish when the process is asked to stop. `http` is host:port, or None for no HTTP.
    """

    kafka: Mapping[str, Any]
    tiers: Tiers
    weights: Mapping[Queue, int]
    slots: int
    async_limit: int
    drain: timedelta
    http: str | None = None


class ConsumerProcess:
    """The parts of a consumer, put together. `build_child` builds the performer of a child in the process pool."""

    def __init__(
        self,
        settings: ConsumerSettings,
        fetchers: Sequence[Fetcher],
        performer: Performer,
        signals: Signals,
        build_child: Callable[[], Performer],
    ) -> None:
        self._settings = settings
        self._fetchers = fetchers
        self._signals = signals
        self._failure: TreadleError | None = None
        self._ready = ReadyQueues(ReadyQueue(settings.weights), ReadyQueue(settings.weights))
        self._dispatchers = {
            fetcher.queue: Dispatcher(fetcher.queue, performer.kinds, performer.workers, self._ready)
            for fetcher in fetchers
        }
        self._producer = Producer(settings.kafka)
        self._reporter = Reporter(self._producer, self.in_flight)
        self._overrides = OverrideFeed(settings.kafka, performer.overrides, self._producer, self._fail)
        settler = Settler(
            self._producer, settings.tiers, self._reporter.record, self._fail, performer.overrides
        )
        self._pool = ProcessPool(performer, build_child)
        self._slots = Slots(self._ready.slots, performer, settler, self._pool, settings.slots)
        self._loop = EventLoop(self._ready.loop, performer, settler, settings.async_limit)

    def run(self) -> None:
        """Perform jobs until SIGTERM, then wait up to `drain` for those in flight.

        Raises TreadleError when a job could not be settled or the Kafka client failed for good. Unfinished jobs are
        not committed then, and another process performs them.
        """
        self._signals.show(self.in_flight)
        with ExitStack() as parts:
            address = self._start(parts)
            log.info(
                "consumer_started",
                queues=list(self._settings.weights),
                slots=self._settings.slots,
                http=address,
            )
            self._signals.wait()
        if self._failure is not None:
            raise self._failure
        log.info("consumer_stopped")

    def pulse(self) -> Pulse:
        """The state of the process now, for health checks and metrics."""
        return Pulse(
            ready=all(fetcher.ready for fetcher in self._fetchers) and not self._signals.asked.is_set(),
            waiting=sum(dispatcher.waiting for dispatcher in self._dispatchers.values()),
            in_flight=len(self.in_flight()),
            free=self._settings.slots - len(self._slots.in_flight()),
            started=self._slots.started + self._loop.started,
        )

    def in_flight(self) -> list[Begun]:
        """Every job that a worker is performing now."""
        return [*self._slots.in_flight(), *self._loop.in_flight()]

    def _start(self, parts: ExitStack) -> str | None:
        """Start the parts; `parts` closes them in reverse. Returns the address that answers HTTP, if there is one."""
        address = None
        if self._settings.http:
            health = HealthServer(self._settings.http, self.pulse, self._update_metrics)
            parts.callback(health.close)
            address = health.address
        parts.callback(self._producer.close)
        parts.callback(self._reporter.close)
        parts.callback(self._overrides.close)
        parts.callback(self._pool.close)
        self._overrides.start()
        _tune_garbage_collector()
        self._reporter.start()
        self._slots.start()
        self._loop.start()
        parts.callback(self._leave)
        for fetcher in self._fetchers:
            fetcher.start(self._dispatchers[fetcher.queue], self._fail)
        return address

    def _leave(self) -> None:
        """Start no more jobs, wait for those in flight, commit, and leave the groups.

        A process that was only quieted then waits for SIGTERM.
        """
        log.info("consumer_draining", jobs=len(self.in_flight()))
        for fetcher in self._fetchers:
            fetcher.quiet()
        for ready in self._ready:
            ready.close()
        self._wait(self._settings.drain if self._failure is None else _AFTER_FAILURE)
        self._loop.cancel()
        for fetcher in self._fetchers:
            fetcher.close()
        if self._signals.quiet and not self._signals.draining and self._failure is None:
            log.info("consumer_quiet", advice="this process performs no more jobs and waits for SIGTERM")
            self._signals.wait_for_stop()

    def _wait(self, within: timedelta) -> None:
        deadline = Deadline(within)
        while in_flight := sum(fetcher.in_flight for fetcher in self._fetchers):
            if deadline.over:
                log.warning("left_incomplete", jobs=in_flight, advice="another process performs them again")
                return
            time.sleep(0.01)

    def _fail(self, failure: TreadleError) -> None:
        self._failure = self._failure or failure
        self._signals.asked.set()

    def _update_metrics(self, pulse: Pulse) -> None:
        metrics.IN_FLIGHT.set(pulse.in_flight)
        for fetcher in self._fetchers:
            metrics.WAITING.labels(fetcher.queue).set(self._dispatchers[fetcher.queue].waiting)
            metrics.PARTITIONS.labels(fetcher.queue).set(fetcher.partitions)


def _tune_garbage_collector() -> None:
    """Collect less often: modules and classes stay, and thousands of young jobs in flight are not garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
