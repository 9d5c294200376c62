"""A pool of processes: for workers that keep a processor busy, and for jobs that may take their process down."""

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

from consumers.attempt import Attempt, Performer, too_long
from consumers.outcome import Outcome
from streams.errors import Crashed
from streams.message import Received

_BEGINNINGS = 3
"""So often a job is begun whose child is ended from outside each time."""
_ENDING = 3.0  # seconds that a child has to end when asked

_spawn = multiprocessing.get_context("spawn")  # a fork copies locks in whatever state

_reaping = threading.Lock()
"""Starting a process asks for the ends of all others: who asks for one at the same moment would not be told."""


class _Ended(Exception):
    """The child is gone, with this exit code; `begun`: it had begun to perform."""

    def __init__(self, exit_code: int, *, begun: bool) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code
        self.begun = begun
        self.from_outside = not begun or exit_code == -signal.SIGTERM


class _Child:
    """A process that performs one attempt at a time. It has a pipe of its own: nobody else's end can disturb it."""

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
        """The outcome. Raises TimeoutError past so many seconds, or _Ended; then there is no child any more."""
        self._send(received)
        self._answer(None, begun=False)
        answer = self._answer(limit, begun=True)
        if isinstance(answer, Exception):
            raise answer
        outcome: Outcome = answer
        return outcome

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.terminate()
        if not wait([self._exit], _ENDING):
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
            if self._pipe.poll():  # what it said last comes before its end: both may be there
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
    """What can be waited on for the end of the process itself: whatever it forks holds its sentinel open beyond that.

    The sentinel, where the system has no pidfd, or refuses it: an old kernel, a sandbox.
    """
    try:
        return os.pidfd_open(process.ident or 0)
    except (AttributeError, OSError):
        return process.sentinel


class WorkerPool:
    """Performs attempts in child processes, started when first needed.

    `build` makes a child's own Performer; it has to be importable. A child that crashes fails its attempt
    alone, and one that goes past its time limit is killed.
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
                attempt.outcome = self._perform(attempt.received, limit)
                return
            except Exception as error:
                failed = error
            if self._closed:
                return
            if not (isinstance(failed, _Ended) and failed.from_outside):
                break
        match failed:
            case TimeoutError():
                failed = too_long(worker)
            case _Ended(begun=True):
                told = f"the process that performed it ended with exit code {failed.exit_code}"
                failed = Crashed(told, deaths)
            case _Ended():
                told = f"processes that were to perform it ended at their start, with exit code {failed.exit_code}"
                failed = ChildProcessError(told)
        attempt.outcome = self._parent.outcome_of(failed, attempt)

    def close(self) -> None:
        """End the children, whatever they do: their jobs stay unfinished."""
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
    """What a child does until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all: the parent puts things in order
    performer = build()
    while True:
        try:
            received = pipe.recv()
            pipe.send(None)  # from here on an end is the job's fault
            pipe.send(_outcome(performer, received))
        except (EOFError, OSError):
            return


def _outcome(performer: Performer, received: Received) -> Outcome | Exception:
    try:
        attempt = performer.begin(received)
        if attempt.outcome is None:
            assert attempt.worker is not None
            if attempt.worker.is_async:
                asyncio.run(performer.perform_async(attempt))
            else:
                performer.perform(attempt)
        assert attempt.outcome is not None
        return attempt.outcome
    except Exception as error:
        return error
