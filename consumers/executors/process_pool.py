"""A pool of processes: for workers that keep a processor busy, and for jobs that may crash their process."""

from __future__ import annotations

import asyncio
import atexit
import multiprocessing
import os
import signal
import threading
import weakref
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from consumers.attempt.begun import Begun, NotBegun
from consumers.attempt.outcome import Outcome
from consumers.attempt.performer import Performer, too_long
from streams.errors import Crashed
from streams.message import Received

_MAX_STARTS = 3
"""A job whose child is ended from outside is started this often at most."""
_EXIT_WITHIN = 3.0  # seconds that a child has to exit when asked

_spawn = multiprocessing.get_context("spawn")  # a fork would copy locks in whatever state they are

_reaping = threading.Lock()
"""Starting a process reaps all others that have ended; a thread that waits for one of them would miss its exit code."""


class _Ended(Exception):
    """The child has exited with this code; `begun`: it had begun the job."""

    def __init__(self, exit_code: int, *, begun: bool) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code
        self.begun = begun
        self.from_outside = not begun or exit_code == -signal.SIGTERM


class _Child:
    """A process that performs one attempt at a time. It has its own pipe, so the death of another cannot disturb it."""

    def __init__(self, build: Callable[[], Performer]) -> None:
        self._pipe, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_serve, args=(theirs, build), name="pool")
        with _reaping:
            self._process.start()
            self._exit = _exit_of(self._process)
        if self._exit != self._process.sentinel:
            weakref.finalize(self, os.close, self._exit)
        theirs.close()

    def perform(self, received: Received, limit: float | None) -> Outcome:
        """Have it perform a job, and return the outcome or raise the child's error.

        Raises TimeoutError when `limit` (seconds) is over, and _Ended when the child is gone.
        """
        self._send(received)
        self._answer(None, begun=False)
        answer = self._answer(limit, begun=True)
        if isinstance(answer, Exception):
            raise answer
        outcome: Outcome = answer
        return outcome

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._process.terminate()
        if not wait([self._exit], _EXIT_WITHIN):
            self._process.kill()
        self._exit_code()

    def _send(self, received: Received) -> None:
        try:
            self._pipe.send(received)
        except OSError:
            raise self._gone(begun=False) from None

    def _answer(self, limit: float | None, *, begun: bool) -> Any:
        if not wait([self._pipe, self._exit], limit):
            raise TimeoutError
        try:
            if self._pipe.poll():  # it may have answered and then exited: the answer counts
                return self._pipe.recv()
        except (EOFError, OSError):
            pass
        raise self._gone(begun=begun)

    def _gone(self, *, begun: bool) -> _Ended:
        return _Ended(self._exit_code(), begun=begun)

    def _exit_code(self) -> int:
        wait([self._exit])
        with _reaping:
            self._process.join()
        return self._process.exitcode or 0


def _exit_of(process: BaseProcess) -> int:
    """A descriptor to wait on for the exit of the process itself: what it forks would keep its sentinel open longer.

    It is the sentinel all the same where the system has no pidfd or refuses it: an old kernel, a sandbox.
    """
    try:
        return os.pidfd_open(process.ident or 0)
    except (AttributeError, OSError):
        return process.sentinel


class ProcessPool:
    """Performs attempts in child processes, which are started when first needed.

    `build` builds a child's own Performer; it has to be importable. A child that crashes fails its own attempt and no
    other, and one that exceeds its time limit is killed.
    """

    def __init__(self, parent: Performer, build: Callable[[], Performer], size: int | None = None) -> None:
        self._parent = parent
        self._build = build
        self._room = threading.Semaphore(size or os.cpu_count() or 1)
        self._changing = threading.Lock()
        self._idle: list[_Child] = []
        self._children: set[_Child] = set()
        self._closed = False
        atexit.register(self.close)  # before multiprocessing would wait for them

    def perform(self, attempt: Begun, deaths: int) -> Outcome | None:
        """Perform the attempt in a child, and wait for its outcome. Raises nothing.

        `deaths` is how many processes may have died of its job before. A child that was ended from outside is not the
        job's fault: the job starts again in another. None when the pool was closed meanwhile.
        """
        worker = attempt.worker
        limit = worker.timeout.total_seconds() if worker.timeout else None
        for _ in range(_MAX_STARTS):
            try:
                return self._perform(attempt.received, limit)
            except Exception as error:
                failed = error
            if self._closed:
                return None
            if not (isinstance(failed, _Ended) and failed.from_outside):
                break
        match failed:
            case TimeoutError():
                failed = too_long(worker)
            case _Ended(begun=True):
                reason = f"the process that performed it ended with exit code {failed.exit_code}"
                failed = Crashed(reason, deaths)
            case _Ended():
                reason = (
                    f"the processes that were to perform it ended at once, with exit code {failed.exit_code}"
                )
                failed = ChildProcessError(reason)
        return self._parent.outcome_of(failed, attempt)

    def close(self) -> None:
        """End the children, whatever they are doing: their jobs stay incomplete."""
        with self._changing:
            self._closed = True
            children, self._idle = list(self._children), []
        for child in children:
            child.end()

    def _perform(self, received: Received, limit: float | None) -> Outcome:
        with self._room:
            child = self._take()
            try:
                outcome = child.perform(received, limit)
            except BaseException:
                with self._changing:
                    self._children.discard(child)
                child.end()
                raise
            self._idle.append(child)
            return outcome

    def _take(self) -> _Child:
        with self._changing:
            if self._closed:
                raise _Ended(0, begun=False)
            child = self._idle.pop() if self._idle else _Child(self._build)
            self._children.add(child)
            return child


def _serve(pipe: Connection, build: Callable[[], Performer]) -> None:
    """Perform jobs in a child until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent shuts down gracefully
    performer = build()
    while True:
        try:
            received = pipe.recv()
            pipe.send(None)  # if the child ends from here on, it is the job's fault
            pipe.send(_outcome(performer, received))
        except (EOFError, OSError):
            return


def _outcome(performer: Performer, received: Received) -> Outcome | Exception:
    try:
        attempt = performer.begin(received)
        if isinstance(attempt, NotBegun):
            return attempt.outcome
        if attempt.worker.is_async:
            return asyncio.run(performer.perform_async(attempt))
        return performer.perform(attempt)
    except Exception as error:
        return error
