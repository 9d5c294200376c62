"""How tests may wait: for a condition, with a time limit, or for a given time in which a process must not end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import pytest

from tests.support.started import Started


def wait_until(
    question: Callable[[], object], *, within: float = 30.0, what: str = "the condition holds"
) -> None:
    """Wait until the answer is true. Fails after `within` seconds.

    A question that takes long to answer is asked less often, to leave the CPU to the processes under test.
    """
    give_up_at = (asked_at := time.monotonic()) + within
    while not question():
        now = time.monotonic()
        assert now < give_up_at, f"not within {within} s: {what}"
        time.sleep(min(max(0.02, 2 * (now - asked_at)), 0.5))
        asked_at = time.monotonic()


def time_passes(process: Started, seconds: float) -> None:
    """Wait this long. Fails if the process ends by itself meanwhile."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(seconds)
