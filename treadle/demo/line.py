"""The processes of the tour, and waiting for what they do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from streams.dead import failure_of
from streams.errors import TreadleError
from streams.message import Received
from treadle.demo.interrupts import held_back, raise_if_interrupted
from treadle.demo.reading import Log
from treadle.supervise import Child, end


class Line:
    """Scheduler, agents, retries and consumers as children, each with a log of its own in `logs`."""

    def __init__(self, log: Log, environment: Mapping[str, str], logs: Path) -> None:
        self.log = log
        self.logs = logs
        self.children: dict[str, Child] = {}
        self.expected: set[bytes] = set()
        """Values of the dead letters that are no surprise."""
        self._environment = environment

    def start(self, name: str, *arguments: str) -> Child:
        """Start `treadle run` with these arguments; the name is for people and for the log."""
        child = Child(list(arguments), self._environment, self.logs / f"{name}.log")
        self.children[name] = child
        with held_back():  # one that is started and not noted would be left behind
            child.start()
        return child

    def kill(self, name: str) -> None:
        """End this one with SIGKILL, at once and unprepared."""
        process = self.children.pop(name).process
        if process is not None:
            process.kill()
            process.wait()

    def command(self, *arguments: str, within: float = 60) -> str:
        """Run `treadle` with these arguments to its end, and answer what it says.

        Raises TreadleError when it fails. An interrupt comes when it has ended.
        """
        command = [sys.executable, "-m", "treadle.cli.main", *arguments]
        with held_back():
            try:
                run = subprocess.run(
                    command,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # it gets no signal from the terminal
                    text=True,
                    timeout=within,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                said = f"it had not ended after {within:.0f} s"
            else:
                said = run.stdout.strip()
                if run.returncode == 0:
                    return said
        raise TreadleError(f"treadle {' '.join(arguments)} failed: {said}")

    def until(self, true: Callable[[], bool], what: str, *, within: float = 60, every: float = 0.05) -> None:
        """Return when it is true. Raises TreadleError when it is not within so many seconds or never will.

        Meanwhile reads what appears in Kafka, for `every` seconds between two looks.
        """
        give_up_at = time.monotonic() + within
        while not true():
            if time.monotonic() > give_up_at:
                raise TreadleError(f"waited {within:.0f} s in vain for this: {what}. {self._where()}")
            raise_if_interrupted()
            self._look_for_trouble(what)
            self.log.read(every)

    def close(self) -> None:
        """End all that run, in order."""
        end(list(self.children.values()))
        self.log.close()

    def _look_for_trouble(self, what: str) -> None:
        for name, child in self.children.items():
            if child.process is not None and (code := child.process.poll()) is not None:
                raise TreadleError(f"{name} ended with exit code {code} before {what}. {self._where(name)}")
        if odd := [letter for letter in self.log.dead if letter.value not in self.expected]:
            raise TreadleError(f"a job failed before {what}: {_reason(odd[0])}. {self._where()}")

    def _where(self, name: str = "*") -> str:
        return f"The logs say more: {self.logs / name}.log"


def _reason(letter: Received) -> str:
    reason = failure_of(letter)
    return f"{reason.error}: {reason.message}" if reason else "its dead letter gives no reason"
