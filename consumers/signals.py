"""What signals mean to a consumer: drain, exit at once, go quiet, and print the jobs in flight."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

from consumers.attempt.begun import Begun
from streams.process.signals import set_soon

_WAKE_UP_EVERY = 0.5  # seconds


class Signals:
    """SIGTERM and SIGINT drain, and a second one exits at once; SIGTSTP quiets; SIGUSR1 prints the jobs in flight.

    `asked` is set when the process should stop or go quiet; `draining` and `quiet` say which.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.draining = False
        self.quiet = False
        self._in_flight: Callable[[], Sequence[Begun]] = list

    def install(self) -> None:
        """Handle the signals from now on. From the main thread only."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._drain)
        signal.signal(signal.SIGTSTP, self._be_quiet)
        signal.signal(signal.SIGUSR1, self._print)

    def show(self, in_flight: Callable[[], Sequence[Begun]]) -> None:
        """From now on, SIGUSR1 prints these."""
        self._in_flight = in_flight

    def wait(self) -> None:
        """Return once the process has been asked to stop or go quiet.

        Wakes up now and then: a signal that arrives just as a wait begins does not interrupt it, and its handler would
        run only after the wait, which without a time limit might never end.
        """
        while not self.asked.wait(_WAKE_UP_EVERY):
            pass

    def wait_for_stop(self) -> None:
        """Return once the process has been asked to drain."""
        while not self.draining:  # checked before each wait, so that no signal is missed
            self.wait()
            self.asked.clear()

    def _drain(self, number: int, frame: FrameType | None) -> None:
        if self.draining:
            os._exit(1)  # asked twice: jobs in flight stay uncommitted, and another process performs them
        self.draining = True
        set_soon(self.asked)

    def _be_quiet(self, number: int, frame: FrameType | None) -> None:
        self.quiet = True
        set_soon(self.asked)

    def _print(self, number: int, frame: FrameType | None) -> None:
        faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
        attempts = self._in_flight()
        print(f"\n{len(attempts)} jobs in flight", file=sys.stderr)
        for attempt in attempts:
            print(_line(attempt), file=sys.stderr)
        sys.stderr.flush()


def _line(attempt: Begun) -> str:
    envelope, received = attempt.envelope, attempt.received
    took = time.time() - attempt.began_at
    where = f"{received.topic}/{received.partition}@{received.offset}"
    return f"  {envelope.kind} {envelope.id} attempt {envelope.attempt}  {where}  for {took:.1f} s"
