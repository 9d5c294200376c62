"""Ctrl-C asks a command to stop and ends its waits; a second one ends it at once."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from treadle.cli.stopping import stopping

LONG = 600.0  # seconds, far more than a test takes


def test_a_signal_ends_a_wait() -> None:
    began = time.monotonic()

    with stopping() as stop:
        threading.Thread(target=os.kill, args=[os.getpid(), signal.SIGTERM]).start()
        asked = stop.wait(LONG)

    assert asked
    assert time.monotonic() - began < LONG / 10


def test_a_wait_without_a_signal_lasts_as_long_as_it_should() -> None:
    with stopping() as stop:
        assert not stop.wait(0.01)


def test_a_second_signal_ends_the_command_at_once() -> None:
    with stopping():
        signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_earlier_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGINT)

    with stopping():
        assert signal.getsignal(signal.SIGINT) is not before

    assert signal.getsignal(signal.SIGINT) is before
