"""What the signals mean to a process: drain, leave at once, quiet, and tell what is going on."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

from consumers.attempt import Attempt
from streams.signals import set_soon


class Signals:
    """SIGTERM and SIGINT ask to drain, a second one leaves at once; SIGTSTP quiets; SIGUSR1 prints what goes on.

    `asked` is set by whatever asks the process to do something; `draining` and `quiet` say what.
    """

    def __init__(self, at_work: Callable[[], Sequence[Attempt]]) -> None:
        self.asked = threading.Event()
        self.draining = False
        self.quiet = False
        self._at_work = at_work
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._drain)
        signal.signal(signal.SIGTSTP, self._be_quiet)
        signal.signal(signal.SIGUSR1, self._print)

    def _drain(self, number: int, frame: FrameType | None) -> None:
        if self.draining:
            os._exit(1)  # asked twice: what is at work stays uncommitted, and runs elsewhere
        self.draining = True
        set_soon(self.asked)

    def _be_quiet(self, number: int, frame: FrameType | None) -> None:
        self.quiet = True
        set_soon(self.asked)

    def _print(self, number: int, frame: FrameType | None) -> None:
        faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
        attempts = self._at_work()
        print(f"\n{len(attempts)} jobs at work", file=sys.stderr)
        for attempt in attempts:
            print(_told(attempt), file=sys.stderr)
        sys.stderr.flush()


def _told(attempt: Attempt) -> str:
    envelope, received = attempt.envelope, attempt.received
    took = time.time() - attempt.began_at
    where = f"{received.topic}/{received.partition}@{received.offset}"
    job = f"{envelope.kind} {envelope.id} attempt {envelope.attempt}" if envelope else "unread"
    return f"  {job}  {where}  at work for {took:.1f} s"
