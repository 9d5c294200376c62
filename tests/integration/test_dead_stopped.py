"""`treadle dead retry` when it is asked to stop: it ends at once, and its account tells what was sent."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.support.desk import CLOSE, Desk
from tests.support.line import Line
from tests.support.waiting import wait_until

SOON = 30.0  # seconds, far less than the command would wait
MANY = 5


@pytest.fixture
def desk(line: Line, fresh_database: str) -> Desk:
    return Desk(line, fresh_database)


def stopped(desk: Desk, *options: str, sent: int) -> dict[str, Any]:
    """The account of a `retry --all` with these options that gets SIGINT when so many jobs have gone home."""
    process = desk.line.begin_command("dead", "retry", "--all", "--yes", "--json", *options, fresh=True)
    wait_until(lambda: len(desk.line.sent("jobs.default")) >= sent, told=f"{sent} are sent")
    process.send_signal(signal.SIGINT)

    assert process.wait(SOON) == 1
    account: dict[str, Any] = json.loads("\n".join(desk.line.out))
    return account


def test_a_canary_that_nobody_performs_is_waited_for_no_longer(desk: Desk) -> None:
    desk.die(*[CLOSE] * MANY)

    account = stopped(desk, "--canary", "2", "--canary-wait", "600", sent=2)

    assert account["sent"] == len(desk.line.sent("jobs.default")) == 2
    assert list(account["canary"].values()) == ["nothing told yet"] * 2
    assert account["stopped"] == (
        "2 of the canary's 2 jobs had not succeeded when it was asked to stop (2 nothing told yet)"
    )
    assert len(desk.table()) == MANY - 2


def test_a_pause_for_the_rate_ends_and_nothing_more_is_sent(desk: Desk) -> None:
    desk.die(*[CLOSE] * MANY)

    account = stopped(desk, "--rate", "0.01", sent=1)

    assert account["sent"] == len(desk.line.sent("jobs.default")) == 1
    assert account["stopped"].startswith("asked to stop")
    assert len(desk.table()) == MANY - 1
