"""A pool of processes: for workers that keep a processor busy, and for jobs that may take their process down."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as TooLong

from pebble import ProcessExpired, ProcessPool

from consumers.attempt import Attempt, Performer, too_long
from consumers.outcome import Outcome
from streams.errors import Crashed
from streams.message import Received

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
        self._starting = threading.Lock()

    def run(self, attempt: Attempt, deaths: int) -> None:
        """Perform the attempt in a child, and wait for its outcome. Raises nothing.

        So many processes may have died of its job before.
        """
        worker = attempt.worker
        assert worker is not None
        limit = worker.timeout.total_seconds() if worker.timeout else None
        try:
            attempt.outcome = (
                self._started().schedule(_perform, args=[attempt.received], timeout=limit).result()
            )
        except TooLong:
            attempt.outcome = self._parent.outcome_of(too_long(worker), attempt)
        except ProcessExpired as error:
            crash = Crashed(f"the process that performed it ended with exit code {error.exitcode}", deaths)
            attempt.outcome = self._parent.outcome_of(crash, attempt)
        except Exception as error:
            attempt.outcome = self._parent.outcome_of(error, attempt)

    def close(self) -> None:
        """End the children, whatever they do."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()

    def _started(self) -> ProcessPool:
        with self._starting:
            if self._pool is None:
                context = multiprocessing.get_context("spawn")  # a fork copies locks in whatever state
                self._pool = ProcessPool(
                    self._size, initializer=_prepare, initargs=[self._build], context=context
                )
            return self._pool


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
