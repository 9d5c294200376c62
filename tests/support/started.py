"""A process that a test has started, by fork or in a fresh interpreter, and questions about it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import psutil


class Started(Protocol):
    """The part of `subprocess.Popen` that tests use. A negative `returncode` is the signal that ended the process."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


def handles(process: Started, number: int) -> bool:
    """Whether the process has a handler for this signal. Without /proc the answer is always yes."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return True
    caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def resident(process: Started) -> int:
    """Resident memory of a process, in bytes."""
    return psutil.Process(process.pid).memory_info().rss
