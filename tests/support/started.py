"""A process that a test has started, however it was started, and what may be asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import psutil


class Started(Protocol):
    """As `subprocess.Popen` has it. `returncode` is negative for the signal that ended the process."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


def handles(process: Started, number: int) -> bool:
    """Whether the process has a handler for this signal; yes, too, where there is no /proc to tell."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return True
    caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def resident(process: Started) -> int:
    """Bytes of memory that a process holds now."""
    return psutil.Process(process.pid).memory_info().rss
