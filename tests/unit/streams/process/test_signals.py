"""Signals that ask a process to stop."""

import signal
from collections.abc import Iterator

import pytest

from streams.process.signals import asked_to_stop


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noticed_whatever_the_thread_that_it_interrupts_is_doing(number: int) -> None:
    stop = asked_to_stop()

    with stop._cond:  # type: ignore[attr-defined]  # as `wait` holds it for a moment
        signal.raise_signal(number)

    assert stop.wait(10)
