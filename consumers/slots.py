"""The slots of a process: threads that each take a parcel, perform its job, and have it settled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from consumers.attempt import Attempt, Performer
from consumers.lanes import Lanes
from consumers.overdue import Overdue
from consumers.parcel import Parcel
from consumers.settle import Settler
from streams.errors import TreadleError

log = structlog.get_logger()

RunElsewhere = Callable[[Attempt, int], None]
"""Performs an attempt in another process and sets its outcome; so many processes may have died of its job."""


class Slot(threading.Thread):
    """One thread that performs one job at a time. `attempt` is what it works on now."""

    def __init__(self, slots: Slots, number: int) -> None:
        super().__init__(name=f"slot-{number}", daemon=True)
        self.attempt: Attempt | None = None
        self.started = 0
        self.abandoned = False
        self._slots = slots
        self._woken = threading.Lock()
        self._woken.acquire()

    def run(self) -> None:
        """Perform jobs until the lanes are closed, or this slot is abandoned."""
        slots = self._slots
        take, idle, wait = slots.lanes.take, slots.lanes.idle, self._woken.acquire
        while not self.abandoned:
            parcel = take()
            if parcel is not None:
                self.started += 1
                try:
                    self._perform(parcel)
                except (
                    Exception
                ) as error:  # ours, not the worker's: better a stopped process than a slot less
                    log.exception("slot_failed", offset=parcel.received.offset)
                    slots.settler.fail(
                        TreadleError(f"a job of {parcel.received.topic} was not settled: {error}")
                    )
                    return
            elif slots.lanes.closed:
                return
            else:
                idle(self._woken.release)
                wait()

    def _perform(self, parcel: Parcel) -> None:
        slots = self._slots
        began = time.perf_counter()
        attempt = slots.performer.begin(parcel.received)
        worker = attempt.worker
        if attempt.outcome is None and worker is not None:
            self.attempt = attempt
            if worker.process or parcel.deaths:
                slots.run_elsewhere(attempt, parcel.deaths)
            elif worker.timeout is None:
                slots.performer.perform(attempt)
            elif not self._perform_in_time(parcel, attempt):
                return
            self.attempt = None
            if attempt.outcome is None:
                return  # the process leaves, and the job runs elsewhere
        attempt.took = time.perf_counter() - began
        slots.settler.settle(parcel, attempt)

    def _perform_in_time(self, parcel: Parcel, attempt: Attempt) -> bool:
        """Perform it under its time limit; whether it is to be settled by us, and now."""
        overdue, lanes = self._slots.overdue, self._slots.lanes

        def abandon() -> None:
            self.abandoned = True
            self._slots.replace()

        def later() -> None:
            lanes.put_first(attempt.envelope.queue, parcel)  # type: ignore[union-attr]  # it was read

        if not overdue.watch(parcel, attempt, abandon, later):
            self.attempt = None
            return False
        self._slots.performer.perform(attempt)
        return overdue.finish(attempt)


class Slots:
    """What the slots of a process share, and the slots themselves."""

    def __init__(
        self, lanes: Lanes, performer: Performer, settler: Settler, run_elsewhere: RunElsewhere, count: int
    ) -> None:
        self.lanes = lanes
        self.performer = performer
        self.settler = settler
        self.run_elsewhere = run_elsewhere
        self.overdue = Overdue(performer, settler, bound=count)
        self.threads = [Slot(self, number) for number in range(1, count + 1)]

    def start(self) -> None:
        """Start the threads; they end when the lanes are closed."""
        for slot in self.threads:
            slot.start()

    def replace(self) -> None:
        """Start a slot in the place of one that is left behind with its attempt."""
        new = Slot(self, len(self.threads) + 1)
        self.threads.append(new)
        new.start()

    def at_work(self) -> list[Attempt]:
        """What the slots work on now."""
        return [attempt for slot in list(self.threads) if (attempt := slot.attempt) is not None]

    @property
    def started(self) -> int:
        """How many jobs were started so far."""
        return sum(slot.started for slot in list(self.threads))
