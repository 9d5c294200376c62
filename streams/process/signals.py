"""Events that are set when a signal arrives."""

from __future__ import annotations

import signal
import threading
from _thread import start_new_thread


def asked_to_stop() -> threading.Event:
    """An event that SIGTERM and SIGINT set from now on."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: set_soon(stop))
    return stop


def set_soon(event: threading.Event) -> None:
    """Set an event from a signal handler.

    On another thread: the interrupted one may hold the event's lock, in `wait`, and would deadlock.
    """
    start_new_thread(event.set, ())
