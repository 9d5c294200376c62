"""Two consumers and two retries processes, which are killed with -9 and started again."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.line import Line
from tests.support.started import Started

SLOTS = 8
COMMANDS = {"consumer": ["consumer", "--queues", "low", "--slots", str(SLOTS)], "retries": ["retries"]}
# A named member has its partitions back at once; those of a nameless one others get when its session is over.
NAMES = {"eager": ["one", "two"], "cooperative": ["", ""]}


class Trouble(NamedTuple):
    """What came to harm (consumer, retries, broker), from when to when (epoch seconds)."""

    what: str
    at: float
    until: float


class Crew:
    """Processes of a line in groups of this membership. End them, to have their exit codes."""

    def __init__(self, line: Line, membership: str) -> None:
        line.settings["GROUP"] = membership
        self.started = 0
        self._line = line
        self._names = NAMES[membership]
        self._running = {(what, n): self._start(what, n) for what in COMMANDS for n in (0, 1)}
        self.ended_alone: list[tuple[str, int]] = []
        self.troubles: list[Trouble] = []
        """Of those that ended by themselves."""
        self._read_to = 0
        self._begun = 0

    def kill(self, what: str, *numbers: int) -> list[Trouble]:
        """With -9, all of these at one moment."""
        for n in numbers:
            self._running[what, n].send_signal(signal.SIGKILL)
        for n in numbers:
            self._line.kill(self._running[what, n])
        now = time.time()
        for n in numbers:
            self._running[what, n] = self._start(what, n)
        return [Trouble(what, now, now)] * len(numbers)

    def all_have_begun(self) -> bool:
        """Whether all are at work. One that ended by itself is started anew, as a supervisor would do it."""
        for (what, n), process in self._running.items():
            if (code := process.poll()) is not None:
                self.ended_alone.append((what, code))
                self.troubles.append(Trouble(what, now := time.time(), now))
                self._running[what, n] = self._start(what, n)
        with Path(self._line.folder, "stderr").open("rb") as log:
            log.seek(self._read_to)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._read_to += len(whole) + len(newline)
        self._begun += whole.count(b"consumer_started") + whole.count(b"retries_started")
        return self._begun == self.started

    def end(self) -> list[int]:
        return [self._line.end(process) for process in self._running.values()]

    def _start(self, what: str, number: int) -> Started:
        self.started += 1
        settings = {"STATIC_MEMBER": name} if (name := self._names[number]) else {}
        return self._line.start(*COMMANDS[what], fresh=False, **settings)
