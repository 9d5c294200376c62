"""The event loop of a process: performs jobs of `async` workers, thousands at once, on one thread."""

from __future__ import annotations

import asyncio
import threading
import time

import structlog
import uvloop

from consumers.attempt import Attempt, Performer
from consumers.lanes import Lanes
from consumers.parcel import Parcel
from consumers.settle import Settler
from streams.errors import TreadleError

log = structlog.get_logger()

_STARTS_AT_ONCE = 100
"""So many jobs are started before the loop turns to those that wait for it."""


class EventLoop:
    """Takes from its lanes whenever fewer than `limit` jobs are under way."""

    def __init__(self, lanes: Lanes, performer: Performer, settler: Settler, limit: int) -> None:
        self._lanes = lanes
        self._performer = performer
        self._settler = settler
        self._limit = limit
        self._at_work: dict[Attempt, asyncio.Task[None]] = {}
        self._filling = False
        self._leaving = False
        self.started = 0
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="event-loop", daemon=True)

    def start(self) -> None:
        """Start the thread of the loop."""
        self._thread.start()
        self._loop.call_soon_threadsafe(self._fill)

    def at_work(self) -> list[Attempt]:
        """What is under way."""
        return list(self._at_work)

    @property
    def has_room(self) -> bool:
        """Whether another job could start."""
        return len(self._at_work) < self._limit

    def cancel(self) -> None:
        """Cancel what is still under way; it stays unfinished."""
        self._loop.call_soon_threadsafe(self._cancel)

    def _run(self) -> None:
        while True:
            try:
                self._loop.run_forever()
                return
            except (KeyboardInterrupt, SystemExit) as error:
                # A task that a worker started has called sys.exit: asyncio tells whoever waits for the task, and has
                # its loop end as well. The jobs of all others are on it.
                log.warning("event_loop_goes_on", after=type(error).__name__)

    def _cancel(self) -> None:
        self._leaving = True
        for task in self._at_work.values():
            task.cancel()

    def _fill(self) -> None:
        """Start jobs while there are any and there is room; come back when that changes."""
        self._filling = False
        for _ in range(_STARTS_AT_ONCE):
            if len(self._at_work) >= self._limit:
                return  # whoever finishes calls again
            parcel = self._lanes.take()
            if parcel is None:
                if not self._lanes.closed:
                    self._lanes.idle(self._wake)
                return
            self._start(parcel)
        self._fill_soon()

    def _start(self, parcel: Parcel) -> None:
        self.started += 1
        try:
            attempt = self._performer.begin(parcel.received)
            if attempt.outcome is not None:
                self._settler.settle(parcel, attempt)
                return
        except Exception as error:
            self._fail(parcel, error)
            return
        self._at_work[attempt] = self._loop.create_task(self._perform(parcel, attempt))

    async def _perform(self, parcel: Parcel, attempt: Attempt) -> None:
        began = time.perf_counter()
        try:
            await self._performer.perform_async(attempt, lambda: self._leaving)
            attempt.took = time.perf_counter() - began
            self._settler.settle(parcel, attempt)
        except Exception as error:
            self._fail(parcel, error)
        finally:
            full = len(self._at_work) >= self._limit
            del self._at_work[attempt]
            if full:
                self._fill_soon()

    def _fail(self, parcel: Parcel, error: Exception) -> None:
        """For errors of ours, not the worker's: the process stops, which is better than a loop that stands still."""
        log.exception("event_loop_failed", offset=parcel.received.offset)
        self._settler.fail(TreadleError(f"a job of {parcel.received.topic} was not settled: {error}"))

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._fill)

    def _fill_soon(self) -> None:
        if not self._filling:
            self._filling = True
            self._loop.call_soon(self._fill)
