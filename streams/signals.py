"""Events that are set when a signal comes."""

from __future__ import annotations

import signal
import threading
from _thread import start_new_thread


def asked_to_stop() -> threading.Event:
    """Set by SIGTERM and SIGINT from now on."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: set_soon(stop))
    return stop


def set_soon(event: threading.Event) -> None:
    """Set an event from within a signal's handler.

    On another thread: the one that is interrupted may hold the event's lock, in `wait`, and would wait for itself.
    """
    start_new_thread(event.set, ())
