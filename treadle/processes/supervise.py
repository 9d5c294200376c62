"""`treadle run all`: scheduler, agents, consumer and the rest as children, restarted when they die."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from streams.deadline import Deadline
from streams.process import logs
from streams.process.signals import asked_to_stop

log = structlog.get_logger()

_LONGEST_PAUSE = 30.0  # seconds before a child that keeps dying is started again
_STEADY = 30.0  # seconds that a child must live for its earlier deaths to be forgotten
_GRACE = 45.0  # seconds for children to end: to drain, and to leave a group that is rebalancing


@dataclass
class Child:
    """One process, and the command that starts it. Its environment and log are the parent's unless others are given."""

    arguments: list[str]
    environment: Mapping[str, str] | None = None
    log: Path | None = None
    deaths: int = 0
    started_at: float = 0.0
    start_at: float = 0.0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the process. It gets signals only from us, not from the terminal."""
        command = [sys.executable, "-m", "treadle.cli.main", "run", *self.arguments]
        output = self.log.open("ab") if self.log else None
        self.process = subprocess.Popen(
            command, env=self.environment, stdout=output, stderr=output, start_new_session=True
        )
        if output:
            output.close()
        self.started_at = time.monotonic()

    def keep_running(self) -> None:
        """Start the process if it does not run, after a pause that doubles with every early death."""
        now = time.monotonic()
        if self.process is not None and (code := self.process.poll()) is not None:
            self.deaths = self.deaths + 1 if now - self.started_at < _STEADY else 1
            pause = min(0.5 * 2 ** (self.deaths - 1), _LONGEST_PAUSE)
            log.warning("child_died", child=self.arguments[0], exit_code=code, again_in=pause)
            self.process, self.start_at = None, now + pause
        if self.process is None and now >= self.start_at:
            self.start()


def supervise(*, slots: int, run_now: bool) -> None:
    """Keep the children running until SIGTERM or SIGINT, then shut them down gracefully."""
    logs.configure()
    stop = asked_to_stop()
    children = [
        Child(["consumer", "--slots", str(slots)]),
        Child(["retries"]),
        Child(["agents"]),
        Child(["dead-letters"]),
        Child(["scheduler"]),
    ]
    if run_now:
        children[-1].arguments.append("--run-now")
    while not stop.is_set():
        for child in children:
            child.keep_running()
        if run_now:
            children[-1].arguments = ["scheduler"]  # a restart is no reason to fire again
        stop.wait(0.2)
    end(children)


def end(children: list[Child]) -> None:
    """Send SIGTERM to all, and SIGKILL to those that still run after the grace period."""
    running = [child.process for child in children if child.process is not None]
    for process in running:
        process.terminate()
    deadline = Deadline(_GRACE)
    for process in running:
        try:
            process.wait(max(0.1, deadline.left))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
