"""Waiting, as tests may do it: for a condition with a limit, or beside a process that must not end meanwhile."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import pytest

from tests.support.started import Started


def wait_until(question: Callable[[], object], *, within: float = 30.0, told: str = "it came to be") -> None:
    """Ask again and again until the answer is yes. Fails when it is not in time (seconds).

    What takes long to answer is asked less often: who is waited for needs the processor, too.
    """
    give_up_at = (asked_at := time.monotonic()) + within
    while not question():
        now = time.monotonic()
        assert now < give_up_at, f"not within {within} s: {told}"
        time.sleep(min(max(0.02, 2 * (now - asked_at)), 0.5))
        asked_at = time.monotonic()


def time_passes(process: Started, seconds: float) -> None:
    """A moment of a given length. Fails when the process ends of itself meanwhile."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(seconds)
