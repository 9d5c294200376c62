"""The slots of a process: threads that each take a work item, perform its job, and settle it."""

from __future__ import annotations

import threading
import time

import structlog

from consumers.attempt.begun import Begun, NotBegun
from consumers.attempt.outcome import Outcome
from consumers.attempt.performer import Performer
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from consumers.executors.process_pool import ProcessPool
from consumers.executors.watchdog import Watchdog
from consumers.settling.settle import Settler
from streams.errors import TreadleError

log = structlog.get_logger()


class Slot(threading.Thread):
    """One thread that performs one job at a time. `in_flight` is the attempt it is performing now."""

    def __init__(self, slots: Slots, number: int) -> None:
        super().__init__(name=f"slot-{number}", daemon=True)
        self.in_flight: Begun | None = None
        self.started = 0
        self.abandoned = False
        self._slots = slots
        self._woken = threading.Lock()
        self._woken.acquire()

    def run(self) -> None:
        """Perform jobs until the ready queue is closed, or this slot is abandoned."""
        slots = self._slots
        take, idle, wait = slots.ready.take, slots.ready.idle, self._woken.acquire
        while not self.abandoned:
            item = take()
            if item is not None:
                self.started += 1
                try:
                    self._perform(item)
                # An error in Treadle, not in the worker: better to stop the process than to lose a slot.
                except Exception as error:
                    log.exception("slot_failed", offset=item.received.offset)
                    topic = item.received.topic
                    slots.settler.fail(TreadleError(f"a job of {topic} was not settled: {error}"))
                    return
            elif slots.ready.closed:
                return
            else:
                idle(self._woken.release)
                wait()

    def abandon(self) -> None:
        """Leave it with its stuck worker: another slot replaces it, and it ends if the worker ever returns."""
        self.abandoned = True
        self._slots.replace()

    def _perform(self, item: WorkItem) -> None:
        slots = self._slots
        began = time.perf_counter()
        attempt = slots.performer.begin(item.received)
        if isinstance(attempt, NotBegun):
            slots.settler.settle(item, attempt, attempt.outcome, time.perf_counter() - began)
            return
        self.in_flight = attempt
        outcome = self._run(item, attempt)
        self.in_flight = None
        if outcome is not None:
            slots.settler.settle(item, attempt, outcome, time.perf_counter() - began)

    def _run(self, item: WorkItem, attempt: Begun) -> Outcome | None:
        """The outcome. None when there is nothing to settle: it was settled as stuck, was put back, or has none."""
        slots, worker = self._slots, attempt.worker
        if worker.process or item.deaths:
            return slots.pool.perform(attempt, item.deaths)
        if worker.timeout is None:
            return slots.performer.perform(attempt)
        if not slots.watchdog.watch(item, attempt, worker.timeout, self):
            return None
        outcome = slots.performer.perform(attempt)
        return outcome if slots.watchdog.finish(attempt) else None


class Slots:
    """The slots of a process, and what they share."""

    def __init__(
        self, ready: ReadyQueue, performer: Performer, settler: Settler, pool: ProcessPool, count: int
    ) -> None:
        self.ready = ready
        self.performer = performer
        self.settler = settler
        self.pool = pool
        self.watchdog = Watchdog(performer, settler, ready, max_stuck=count)
        self.threads = [Slot(self, number) for number in range(1, count + 1)]

    def start(self) -> None:
        """Start the threads; they end when the ready queue is closed."""
        for slot in self.threads:
            slot.start()

    def replace(self) -> None:
        """Start a slot in place of one whose worker is stuck."""
        new = Slot(self, len(self.threads) + 1)
        new.start()
        self.threads.append(new)

    def in_flight(self) -> list[Begun]:
        """The attempts that the slots are performing now."""
        return [attempt for slot in list(self.threads) if (attempt := slot.in_flight) is not None]

    @property
    def started(self) -> int:
        """How many jobs have been started."""
        return sum(slot.started for slot in list(self.threads))
