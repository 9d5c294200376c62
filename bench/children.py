"""Child processes of the benchmarks: started with a log, watched, and ended by their own number."""

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
from treadle.local import processes

ROOT = Path(__file__).resolve().parent.parent


class Child:
    """A process of ours, with all that it starts. Use it in a `with`: it is gone afterwards."""

    def __init__(self, name: str, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._asked = False
        with log.open("ab") as output:
            self._process = psutil.Popen(
                argv,
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, within: float = 35) -> None:
        """SIGTERM, and SIGKILL for what is left after so many seconds."""
        if self._asked:  # a second SIGTERM would end a consumer at once, and it would not leave its group
            with suppress(psutil.TimeoutExpired):
                self._process.wait(within)
        processes.stop([self._process], signal.SIGTERM, within=within)
        self._process.wait()

    def ask_to_stop(self) -> None:
        """SIGTERM, and no waiting."""
        self._asked = True
        with suppress(psutil.NoSuchProcess):
            self._process.terminate()

    def kill(self) -> None:
        """SIGKILL, at once, for the process and all that it started."""
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
        """Wait for a condition. Raises NotMeasured when the process ends before, or it takes too long."""
        limit = time.monotonic() + within
        while not condition():
            if not self._process.is_running() or self._process.poll() is not None:
                raise NotMeasured(f"{self.name} ended before {what}: {self._last_words()}")
            if time.monotonic() > limit:
                raise NotMeasured(f"{what} did not happen within {within:.0f} s: {self._last_words()}")
            time.sleep(0.01)

    def _last_words(self) -> str:
        return processes.last_lines(self.log, 2).replace("\n", " / ")[-300:]


def finish(name: str, argv: Sequence[str], environment: Mapping[str, str], *, within: float) -> str:
    """Run a command to its end and return what it prints. Raises NotMeasured when it fails."""
    try:
        run = subprocess.run(
            argv,
            cwd=ROOT,
            env={**os.environ, **environment},
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
