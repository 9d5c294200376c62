"""Ctrl-C asks a command to stop between two steps; a second one ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from streams.signals import set_soon

_Step = TypeVar("_Step")


class Stop:
    """Whether SIGINT or SIGTERM has come."""

    def __init__(self) -> None:
        self.asked = False
        self._event = threading.Event()

    def ask(self) -> None:
        """From within a signal's handler."""
        self.asked = True
        set_soon(self._event)

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until asked; whether it is asked."""
        self._event.wait(seconds)
        return self.asked

    def before_each(self, steps: Iterator[_Step]) -> Iterator[_Step]:
        """The steps; once asked, no further one is begun."""
        while not self.asked and (step := next(steps, None)) is not None:
            yield step


@contextmanager
def stopping() -> Iterator[Stop]:
    """SIGINT and SIGTERM let the step at hand be finished; a second one ends at once."""
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
