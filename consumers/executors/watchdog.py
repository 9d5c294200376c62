"""Time limits of plain workers. A thread cannot be stopped safely, so one that is stuck is left behind.

At its deadline a worker sees `ctx.stopping`. If it has not returned a few seconds later, it is stuck: its attempt
has failed and is settled, and another slot replaces the one it holds. Whatever it still does is ignored; until it
returns, no other attempt of the same job starts in this process. When as many jobs are stuck as the process has
slots, the process stops, and others perform its jobs.

The time limits of `async` workers are in `consumers/attempt/performer.py`, those of `process=True` in
`process_pool.py`.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog

from consumers.attempt.begun import Begun
from consumers.attempt.performer import Performer, too_long
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from consumers.settling.settle import Settler
from streams.deadline import Deadline
from streams.errors import TreadleError
from streams.topics import queue_of

log = structlog.get_logger()

GRACE = timedelta(seconds=2)
"""How long a worker has after its deadline to notice `ctx.stopping` and return."""
_LOOK_EVERY = 0.1


class Executor(Protocol):
    """Runs an attempt, and can be left behind with it."""

    def abandon(self) -> None:
        """Leave it behind; another replaces it."""


@dataclass(frozen=True, eq=False)
class Watched:
    """An attempt with a time limit, and the executor that runs it."""

    item: WorkItem
    attempt: Begun
    limit: timedelta
    deadline: Deadline
    executor: Executor


class Watchdog:
    """Watches the attempts that have a time limit, and only those. Safe for many threads."""

    def __init__(self, performer: Performer, settler: Settler, ready: ReadyQueue, *, max_stuck: int) -> None:
        self._performer = performer
        self._settler = settler
        self._ready = ready
        self._max_stuck = max_stuck
        self._lock = threading.Lock()
        self._watched: dict[str, Watched] = {}
        self._in_flight: dict[str, list[WorkItem]] = {}
        """By id of a watched or stuck job: further items of it, which wait until it ends."""
        self._looking = False

    def watch(self, item: WorkItem, attempt: Begun, limit: timedelta, executor: Executor) -> bool:
        """Watch this attempt from now on; `executor` is abandoned if it gets stuck.

        False when another attempt of the same job is in flight, stuck or not: the item is put back when that ends.
        """
        job = attempt.envelope.id
        with self._lock:
            if (behind := self._in_flight.get(job)) is not None:
                behind.append(item)
                return False
            self._in_flight[job] = []
            self._watched[job] = Watched(item, attempt, limit, Deadline(limit + GRACE), executor)
            if not self._looking:
                self._looking = True
                threading.Thread(target=self._look, name="watchdog", daemon=True).start()
            return True

    def finish(self, attempt: Begun) -> bool:
        """Its worker has returned. False when it had been given up as stuck, and so is already settled."""
        job = attempt.envelope.id
        with self._lock:
            in_time = self._watched.pop(job, None) is not None
            behind = self._in_flight.pop(job)
        # Back into the queue they are from: a header may name one that is not served here.
        for item in behind:
            self._ready.put_first(queue_of(item.received.topic) or attempt.envelope.queue, item)
        return in_time

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY)
            with self._lock:
                late = [job for job, watched in self._watched.items() if watched.deadline.over]
                given_up = [self._watched.pop(job) for job in late]
                stuck = len(self._in_flight) - len(self._watched)
                if not self._watched:
                    self._looking = False
                looking = self._looking
            for watched in given_up:
                self._give_up(watched)
            if given_up and stuck >= self._max_stuck:
                self._settler.fail(
                    TreadleError(
                        f"{stuck} jobs are stuck past their time limit; the process stops to end them"
                    )
                )
            if not looking:
                return

    def _give_up(self, watched: Watched) -> None:
        outcome = self._performer.outcome_of(too_long(watched.attempt.worker), watched.attempt)
        watched.executor.abandon()
        took = (watched.limit + GRACE).total_seconds()
        self._settler.settle(watched.item, watched.attempt, outcome, took)
