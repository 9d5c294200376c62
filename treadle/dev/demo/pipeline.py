"""The processes of the demo, and waiting for what they do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from streams.deadline import Deadline
from streams.errors import TreadleError
from streams.message import Received
from streams.wire.failure import failure_of
from treadle.dev.demo.interrupts import held_back, raise_if_interrupted
from treadle.dev.demo.reading import TopicReader
from treadle.processes.supervise import Child, end


class Pipeline:
    """Scheduler, agents, retries and consumers as children, each with its own log file in `logs`."""

    def __init__(self, topics: TopicReader, env: Mapping[str, str], logs: Path) -> None:
        self.topics = topics
        self.logs = logs
        self.children: dict[str, Child] = {}
        self.expected: set[bytes] = set()
        """Values of the dead letters that are meant to appear."""
        self._env = env

    def start(self, name: str, *arguments: str) -> Child:
        """Start `treadle run` with these arguments; the name is for people and for the log file."""
        child = Child(list(arguments), self._env, self.logs / f"{name}.log")
        self.children[name] = child
        with held_back():  # an interrupt before the child has its process would leave that running
            child.start()
        return child

    def kill(self, name: str) -> None:
        """Kill this child with SIGKILL."""
        process = self.children.pop(name).process
        if process is not None:
            process.kill()
            process.wait()

    def command(self, *arguments: str, within: float = 60) -> str:
        """Run `treadle` with these arguments to its end, and return its output.

        Raises TreadleError when it fails. An interrupt takes effect when it has ended.
        """
        command = [sys.executable, "-m", "treadle.cli.main", *arguments]
        with held_back():
            try:
                run = subprocess.run(
                    command,
                    env=self._env,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # it gets no signal from the terminal
                    text=True,
                    timeout=within,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                output = f"it had not ended after {within:.0f} s"
            else:
                output = run.stdout.strip()
                if run.returncode == 0:
                    return output
        raise TreadleError(f"treadle {' '.join(arguments)} failed: {output}")

    def until(self, true: Callable[[], bool], what: str, *, within: float = 60, every: float = 0.05) -> None:
        """Return when it is true. Raises TreadleError when time runs out, or it cannot become true any more.

        Meanwhile it reads what appears in Kafka, for `every` seconds between two checks.
        """
        deadline = Deadline(within)
        while not true():
            if deadline.over:
                raise TreadleError(f"waited {within:.0f} s in vain until {what}. {self._see_logs()}")
            raise_if_interrupted()
            self._check_for_trouble(what)
            self.topics.read(every)

    def close(self) -> None:
        """Shut all children down gracefully."""
        end(list(self.children.values()))
        self.topics.close()

    def _check_for_trouble(self, what: str) -> None:
        for name, child in self.children.items():
            if child.process is not None and (code := child.process.poll()) is not None:
                raise TreadleError(
                    f"{name} ended with exit code {code} before {what}. {self._see_logs(name)}"
                )
        if odd := [each for each in self.topics.dead_letters if each.value not in self.expected]:
            raise TreadleError(f"a job failed before {what}: {_reason(odd[0])}. {self._see_logs()}")

    def _see_logs(self, name: str = "*") -> str:
        return f"See the logs: {self.logs / name}.log"


def _reason(dead_letter: Received) -> str:
    failure = failure_of(dead_letter)
    return f"{failure.error}: {failure.message}" if failure else "its dead letter gives no reason"
