"""`treadle dead retry` when it is asked to stop: it ends at once, and its account tells what was sent."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.integration.test_dead_command import CLOSE, Desk
from tests.line import Line, wait_until

SOON = 30.0  # seconds, far less than the command would wait
MANY = 5


@pytest.fixture
def desk(line: Line, fresh_database: str) -> Desk:
    return Desk(line, fresh_database)


def stopped(desk: Desk, *options: str, sent: int) -> dict[str, Any]:
    """The account of a `retry --all` with these options that gets SIGINT when so many jobs have gone home."""
    command = [sys.executable, "-m", "treadle.cli.main", "dead", "retry", "--all", "--yes", "--json"]
    process = subprocess.Popen(
        [*command, *options],
        env=desk.line.environment(),
        cwd=desk.line.folder,
        stdout=subprocess.PIPE,
    )
    try:
        wait_until(lambda: len(desk.line.sent("jobs.default")) >= sent, told=f"{sent} are sent")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=SOON)
    finally:
        process.kill()
    assert process.returncode == 1
    account: dict[str, Any] = json.loads(out)
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
