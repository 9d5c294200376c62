"""Ctrl-C asks a command to stop between two steps; a second one ends it at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

_LOOK = 0.1  # seconds after which a wait looks whether it is asked
_Step = TypeVar("_Step")


class Stop:
    """Whether SIGINT or SIGTERM has come.

    No `threading.Event`: a handler that interrupts its wait() may want the lock that wait() holds, and hang.
    """

    asked = False

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until asked; whether it is asked."""
        end = time.monotonic() + seconds
        while not self.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK))
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
        stop.asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
