"""Time limits of plain workers. A thread cannot be stopped safely, so one that goes on is left behind.

At its deadline a worker sees `ctx.stopping`. If it has not returned a few seconds later, its attempt counts as
failed and is settled so, and another thread takes the place of its slot. What it may still do is not seen any
more; until it ends, no other attempt of the same job starts in this process. When as many are left behind as the
process has slots, the process stops, and its jobs go to others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from consumers.attempt import Attempt, Performer, too_long
from consumers.parcel import Parcel
from consumers.settle import Settler
from streams.errors import TreadleError

log = structlog.get_logger()

GRACE = 2.0
"""Seconds that a worker has after its deadline to notice `ctx.stopping` and return."""
_LOOK_EVERY = 0.1


@dataclass(eq=False)
class Watched:
    """An attempt with a deadline. `give_up_at` is on the monotonic clock."""

    parcel: Parcel
    attempt: Attempt
    give_up_at: float
    abandon: Callable[[], None]


class Overdue:
    """Watches the attempts that have a deadline. Safe for many threads; attempts without one never come here."""

    def __init__(self, performer: Performer, settler: Settler, *, bound: int) -> None:
        self._performer = performer
        self._settler = settler
        self._bound = bound
        self._lock = threading.Lock()
        self._watched: dict[str, Watched] = {}
        self._at_work: dict[str, list[Callable[[], None]]] = {}
        self._looking = False

    def watch(
        self, parcel: Parcel, attempt: Attempt, abandon: Callable[[], None], later: Callable[[], None]
    ) -> bool:
        """Watch this attempt from now on.

        `abandon` is called when it is left behind. False, and `later` is called one day, when another
        attempt of the same job is at work, left behind or not.
        """
        assert attempt.envelope is not None
        assert attempt.worker is not None
        assert attempt.worker.timeout is not None
        limit = attempt.worker.timeout.total_seconds() + GRACE
        with self._lock:
            if (waiting := self._at_work.get(attempt.envelope.id)) is not None:
                waiting.append(later)
                return False
            self._at_work[attempt.envelope.id] = []
            self._watched[attempt.envelope.id] = Watched(parcel, attempt, time.monotonic() + limit, abandon)
            if not self._looking:
                self._looking = True
                threading.Thread(target=self._look, name="overdue", daemon=True).start()
            return True

    def finish(self, attempt: Attempt) -> bool:
        """Its worker has returned. False when it was left behind: then it is settled already."""
        assert attempt.envelope is not None
        with self._lock:
            in_time = self._watched.pop(attempt.envelope.id, None) is not None
            waiting = self._at_work.pop(attempt.envelope.id)
        for again in waiting:
            again()
        return in_time

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY)
            now = time.monotonic()
            with self._lock:
                late = [id_ for id_, watched in self._watched.items() if now >= watched.give_up_at]
                left = [self._watched.pop(id_) for id_ in late]
                behind = len(self._at_work) - len(self._watched)
                if not self._watched:
                    self._looking = False
            for watched in left:
                self._leave_behind(watched)
            if left and behind >= self._bound:
                self._settler.fail(
                    TreadleError(
                        f"{behind} jobs go on after their time limit; the process stops to get rid of them"
                    )
                )
            if not self._looking:
                return

    def _leave_behind(self, watched: Watched) -> None:
        worker = watched.attempt.worker
        assert worker is not None
        settled = Attempt(watched.attempt.received, watched.attempt.started_at)
        settled.envelope, settled.worker = watched.attempt.envelope, worker
        settled.took = worker.timeout.total_seconds() + GRACE if worker.timeout else 0.0
        settled.outcome = self._performer.outcome_of(too_long(worker), settled)
        watched.abandon()
        self._settler.settle(watched.parcel, settled)
