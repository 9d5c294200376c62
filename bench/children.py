"""Child processes of the benchmarks: started with a log file, watched, and stopped by process id."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from bench.alternating import NotMeasured
from streams.deadline import Deadline
from treadle.dev.local import processes

ROOT = Path(__file__).resolve().parent.parent


class Child:
    """A child process, with everything it starts. Use it in a `with`: it is gone afterwards."""

    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._asked = False
        with log.open("ab") as output:
            self._process = psutil.Popen(
                argv,
                cwd=ROOT,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, within: float = 35) -> None:
        """SIGTERM, then SIGKILL for what is left after `within` seconds."""
        if self._asked:  # a second SIGTERM would stop a consumer immediately, without leaving its group
            with suppress(psutil.TimeoutExpired):
                self._process.wait(within)
        processes.stop([self._process], signal.SIGTERM, within=within)
        self._process.wait()

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting."""
        self._asked = True
        with suppress(psutil.NoSuchProcess):
            self._process.terminate()

    def kill(self) -> None:
        """SIGKILL for the process and everything it started."""
        family = [self._process, *self._process.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()

    def memory(self) -> float:
        """Resident memory of the process and its children, in MB (10**6 bytes)."""
        family = [self._process, *self._process.children(recursive=True)]
        total = 0
        for process in family:
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total / 1e6

    def wait_until(self, condition: Callable[[], bool], *, within: float, what: str) -> None:
        """Wait for a condition. Raises NotMeasured when the process ends first, or it takes too long."""
        deadline = Deadline(within)
        while not condition():
            self.raise_if_ended(what)
            if deadline.over:
                raise NotMeasured(f"waited {within:.0f} s in vain for {what}: {self._log_tail()}")
            time.sleep(0.01)

    def raise_if_ended(self, what: str) -> None:
        """Raise NotMeasured when the process has ended; `what` is still to happen."""
        if not self._process.is_running() or self._process.poll() is not None:
            raise NotMeasured(f"{self.name} ended before {what}: {self._log_tail()}")

    def _log_tail(self) -> str:
        return processes.last_lines(self.log, 2).replace("\n", " / ")[-300:]


def finish(name: str, argv: Sequence[str], env: Mapping[str, str], *, within: float) -> str:
    """Run a command to its end and return its output. Raises NotMeasured when it fails."""
    try:
        run = subprocess.run(
            argv,
            cwd=ROOT,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"{name} took more than {within:.0f} s") from None
    if run.returncode != 0:
        raise NotMeasured(f"{name} failed: {run.stderr.strip()[-300:]}")
    return run.stdout
