"""A pool of processes: for workers that keep a processor busy, and for jobs that may take their process down."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as TooLong
from concurrent.futures.process import BrokenProcessPool

from pebble import ProcessExpired, ProcessPool

from consumers.attempt import Attempt, Performer, too_long
from consumers.outcome import Outcome
from streams.errors import Crashed
from streams.message import Received

_BEGINNINGS = 3
"""So often a job is begun whose child is ended from outside each time."""

_performer: Performer | None = None


class WorkerPool:
    """Performs attempts in child processes, started when first needed.

    `build` makes a child's own Performer; it has to be importable. A child that crashes fails its attempt
    alone, and one that goes past its time limit is killed.
    """

    def __init__(self, parent: Performer, build: Callable[[], Performer], size: int | None = None) -> None:
        self._parent = parent
        self._build = build
        self._size = size or os.cpu_count() or 1
        self._pool: ProcessPool | None = None
        self._closed = False
        self._starting = threading.Lock()

    def run(self, attempt: Attempt, deaths: int) -> None:
        """Perform the attempt in a child, and wait for its outcome. Raises nothing.

        So many processes may have died of its job before. A child that was ended from outside is no fault of the job,
        which begins again in another. When the children are ended with the process, there is no outcome.
        """
        worker = attempt.worker
        assert worker is not None
        limit = worker.timeout.total_seconds() if worker.timeout else None
        for _ in range(_BEGINNINGS):
            try:
                pool = self._started()
                attempt.outcome = pool.schedule(_perform, args=[attempt.received], timeout=limit).result()
                return
            except Exception as error:
                failed = error
            if self._closed:
                return
            if not _from_outside(failed):
                break
        match failed:
            case TooLong():
                failed = too_long(worker)
            case ProcessExpired():
                told = f"the process that performed it ended with exit code {failed.exitcode}"
                failed = Crashed(told, deaths)
        attempt.outcome = self._parent.outcome_of(failed, attempt)

    def close(self) -> None:
        """End the children, whatever they do: their jobs stay unfinished."""
        self._closed = True
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()

    def _started(self) -> ProcessPool:
        with self._starting:
            if self._pool is None or not (self._pool.active or self._closed):  # a child died while idle
                context = multiprocessing.get_context("spawn")  # a fork copies locks in whatever state
                self._pool = ProcessPool(
                    self._size, initializer=_prepare, initargs=[self._build], context=context
                )
            return self._pool


def _from_outside(failed: Exception) -> bool:
    """Whether it was no fault of the job: a child was asked to end, or one died that had nothing to do."""
    if isinstance(failed, ProcessExpired):
        return failed.exitcode in (signal.SIGTERM, -signal.SIGTERM)
    return isinstance(failed, BrokenProcessPool)


def _prepare(build: Callable[[], Performer]) -> None:
    global _performer
    _performer = build()


def _perform(received: Received) -> Outcome:
    assert _performer is not None
    attempt = _performer.begin(received)
    if attempt.outcome is None:
        assert attempt.worker is not None
        if attempt.worker.is_async:
            asyncio.run(_performer.perform_async(attempt))
        else:
            _performer.perform(attempt)
    assert attempt.outcome is not None
    return attempt.outcome
