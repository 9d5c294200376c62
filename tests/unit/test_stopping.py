"""Ctrl-C: the step at hand is finished, no further one begun, and a wait ends at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from treadle.cli.dead_retry import Account, _work
from treadle.cli.stopping import stopping
from treadle.dead.send import Sent

LONG = 600.0  # seconds, far more than a test may take


def test_no_further_step_is_begun() -> None:
    begun = []

    def steps() -> Iterator[int]:
        for number in range(9):
            begun.append(number)
            yield number

    with stopping() as stop:
        for number in stop.before_each(steps()):
            if number == 1:
                signal.raise_signal(signal.SIGINT)

    assert begun == [0, 1]


def test_a_signal_ends_a_wait() -> None:
    began = time.monotonic()

    with stopping() as stop:
        threading.Thread(target=os.kill, args=[os.getpid(), signal.SIGTERM]).start()
        asked = stop.wait(LONG)

    assert asked
    assert time.monotonic() - began < LONG / 10


def test_a_wait_that_nobody_ends_ends_by_itself() -> None:
    with stopping() as stop:
        assert not stop.wait(0.01)


def test_a_second_signal_ends_at_once() -> None:
    with stopping():
        signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)

    with stopping():
        assert signal.getsignal(signal.SIGINT) is not before

    assert signal.getsignal(signal.SIGINT) is before


def test_asked_to_stop_before_the_first_batch_nothing_is_sent_and_that_is_told() -> None:
    account = Account(chosen=2)

    with stopping() as stop:
        signal.raise_signal(signal.SIGINT)
        _work(iter([Sent(2, ("a", "b"))]), account, stop)

    assert account.sent == 0
    assert account.stopped.startswith("asked to stop")
