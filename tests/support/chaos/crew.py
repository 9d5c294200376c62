"""Two consumers and two retries processes, which are killed with -9 and restarted."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.line import Line
from tests.support.started import Started

SLOTS = 8
COMMANDS = {"consumer": ["consumer", "--queues", "low", "--slots", str(SLOTS)], "retries": ["retries"]}
# A named member gets its partitions back immediately; a nameless one's go to others when its session times out.
NAMES = {"eager": ["one", "two"], "cooperative": ["", ""]}


class Outage(NamedTuple):
    """What was down (consumer, retries, broker), and from when to when (epoch seconds)."""

    what: str
    at: float
    until: float


class Crew:
    """The processes, with groups of this membership."""

    def __init__(self, line: Line, membership: str) -> None:
        line.settings["GROUP"] = membership
        self.started = 0
        self._line = line
        self._names = NAMES[membership]
        self._running = {(what, n): self._start(what, n) for what in COMMANDS for n in (0, 1)}
        self.unexpected_exits: list[tuple[str, int]] = []
        """Which processes exited by themselves, and with which codes."""
        self.outages: list[Outage] = []
        """Those of the processes that exited by themselves."""
        self._read_to = 0
        self._started_in_log = 0

    def kill(self, what: str, *numbers: int) -> list[Outage]:
        """Kill all of these with -9 simultaneously, and restart them."""
        for n in numbers:
            self._running[what, n].send_signal(signal.SIGKILL)
        for n in numbers:
            self._line.kill(self._running[what, n])
        now = time.time()
        for n in numbers:
            self._running[what, n] = self._start(what, n)
        return [Outage(what, now, now)] * len(numbers)

    def all_have_started(self) -> bool:
        """Whether all are up. Any that exited by itself is restarted, as a supervisor would do."""
        for (what, n), process in self._running.items():
            if (code := process.poll()) is not None:
                self.unexpected_exits.append((what, code))
                self.outages.append(Outage(what, now := time.time(), now))
                self._running[what, n] = self._start(what, n)
        with Path(self._line.folder, "stderr").open("rb") as log:
            log.seek(self._read_to)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._read_to += len(whole) + len(newline)
        self._started_in_log += whole.count(b"consumer_started") + whole.count(b"retries_started")
        return self._started_in_log == self.started

    def end(self) -> list[int]:
        """Shut all down with SIGTERM; their exit codes."""
        return [self._line.end(process) for process in self._running.values()]

    def _start(self, what: str, number: int) -> Started:
        self.started += 1
        settings = {"STATIC_MEMBER": name} if (name := self._names[number]) else {}
        return self._line.start(*COMMANDS[what], fresh=False, **settings)
