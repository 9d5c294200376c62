"""Ctrl-C asks a command to stop between two steps; a second Ctrl-C ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from streams.process.signals import set_soon


class Stop:
    """Whether SIGINT or SIGTERM has arrived."""

    def __init__(self) -> None:
        self.asked = False
        self._event = threading.Event()

    def ask(self) -> None:
        """Called from a signal handler."""
        self.asked = True
        set_soon(self._event)

    def wait(self, seconds: float) -> bool:
        """Wait this long, or until asked to stop; whether it is asked."""
        self._event.wait(seconds)
        return self.asked


@contextmanager
def stopping() -> Iterator[Stop]:
    """SIGINT and SIGTERM let the current step finish; a second signal raises KeyboardInterrupt."""
    stop = Stop()

    def ask(number: int, frame: object) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.ask()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
