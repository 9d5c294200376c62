"""`treadle dead retry` when it is asked to stop: it ends at once, and its account says what was sent."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.support.dead_letters import CLOSE, DeadLetters
from tests.support.line import Line
from tests.support.waiting import wait_until

SOON = 30.0  # seconds, far less than the command would wait
MANY = 5


@pytest.fixture
def dead_letters(line: Line, fresh_database: str) -> DeadLetters:
    return DeadLetters(line, fresh_database)


def stopped(dead_letters: DeadLetters, *options: str, sent: int) -> dict[str, Any]:
    """The account of a `retry --all` that receives SIGINT as soon as this many jobs have been sent back."""
    process = dead_letters.line.start_command(
        "dead", "retry", "--all", "--yes", "--json", *options, fresh=True
    )
    wait_until(lambda: len(dead_letters.sent_back()) >= sent, what=f"{sent} have been sent back")
    process.send_signal(signal.SIGINT)

    assert process.wait(SOON) == 1
    account: dict[str, Any] = json.loads("\n".join(dead_letters.line.out))
    return account


def test_a_stop_ends_the_wait_for_a_canary_that_no_process_performs(dead_letters: DeadLetters) -> None:
    dead_letters.add(*[CLOSE] * MANY)

    account = stopped(dead_letters, "--canary", "2", "--canary-wait", "600", sent=2)

    assert account["sent"] == len(dead_letters.sent_back()) == 2
    assert list(account["canary"].values()) == ["not reported yet"] * 2
    assert account["stopped"] == (
        "2 of the canary's 2 jobs had not succeeded when the redrive was stopped (2 not reported yet)"
    )
    assert len(dead_letters.listed()) == MANY - 2


def test_a_stop_ends_the_wait_for_the_rate_and_nothing_more_is_sent(dead_letters: DeadLetters) -> None:
    dead_letters.add(*[CLOSE] * MANY)

    account = stopped(dead_letters, "--rate", "0.01", sent=1)

    assert account["sent"] == len(dead_letters.sent_back()) == 1
    assert account["stopped"] == "stopped on request"
    assert len(dead_letters.listed()) == MANY - 1
