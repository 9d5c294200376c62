"""The event loop of a process: performs jobs of `async` workers, thousands at a time, on one thread."""

from __future__ import annotations

import asyncio
import threading
import time

import structlog
import uvloop

from consumers.attempt.begun import Begun, NotBegun
from consumers.attempt.performer import Performer
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from consumers.settling.settle import Settler
from streams.errors import TreadleError

log = structlog.get_logger()

_STARTS_PER_TURN = 100
"""How many jobs the loop starts before it turns to those already in flight."""


class EventLoop:
    """Takes from its ready queue whenever fewer than `limit` jobs are in flight."""

    def __init__(self, ready: ReadyQueue, performer: Performer, settler: Settler, limit: int) -> None:
        self._ready = ready
        self._performer = performer
        self._settler = settler
        self._limit = limit
        self._in_flight: dict[Begun, asyncio.Task[None]] = {}
        self._filling = False
        self._leaving = False
        self.started = 0
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="event-loop", daemon=True)

    def start(self) -> None:
        """Start the thread of the loop."""
        self._thread.start()
        self._loop.call_soon_threadsafe(self._fill)

    def in_flight(self) -> list[Begun]:
        """The attempts it is performing now."""
        return list(self._in_flight)

    @property
    def has_room(self) -> bool:
        """Whether another job could start."""
        return len(self._in_flight) < self._limit

    def cancel(self) -> None:
        """Cancel the jobs still in flight; they stay incomplete."""
        self._loop.call_soon_threadsafe(self._cancel)

    def _run(self) -> None:
        while True:
            try:
                self._loop.run_forever()
                return
            except (KeyboardInterrupt, SystemExit) as error:
                # A task that a worker started has called sys.exit: asyncio raises that where the task is awaited, and
                # also stops its loop. All other jobs are on that loop, so it keeps running.
                log.warning("event_loop_kept_running", after=type(error).__name__)

    def _cancel(self) -> None:
        self._leaving = True
        for task in self._in_flight.values():
            task.cancel()

    def _fill(self) -> None:
        """Start jobs while there are any and there is room; called again when that changes."""
        self._filling = False
        for _ in range(_STARTS_PER_TURN):
            if not self.has_room:
                return  # the next job that finishes calls this again
            item = self._ready.take()
            if item is None:
                if not self._ready.closed:
                    self._ready.idle(self._wake)
                return
            self._start(item)
        self._fill_soon()

    def _start(self, item: WorkItem) -> None:
        self.started += 1
        began = time.perf_counter()
        try:
            attempt = self._performer.begin(item.received)
            if isinstance(attempt, NotBegun):
                self._settler.settle(item, attempt, attempt.outcome, time.perf_counter() - began)
                return
        except Exception as error:
            self._fail(item, error)
            return
        self._in_flight[attempt] = self._loop.create_task(self._perform(item, attempt))

    async def _perform(self, item: WorkItem, attempt: Begun) -> None:
        began = time.perf_counter()
        try:
            outcome = await self._performer.perform_async(attempt, lambda: self._leaving)
            self._settler.settle(item, attempt, outcome, time.perf_counter() - began)
        except Exception as error:
            self._fail(item, error)
        finally:
            full = not self.has_room
            del self._in_flight[attempt]
            if full:
                self._fill_soon()

    def _fail(self, item: WorkItem, error: Exception) -> None:
        """An error in Treadle, not in the worker: better to stop the process than to leave the job unsettled."""
        log.exception("event_loop_failed", offset=item.received.offset)
        self._settler.fail(TreadleError(f"a job of {item.received.topic} was not settled: {error}"))

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._fill)

    def _fill_soon(self) -> None:
        if not self._filling:
            self._filling = True
            self._loop.call_soon(self._fill)
