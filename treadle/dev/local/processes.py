"""Starts, finds and stops processes that outlive the command that starts them.

They are found in the process table by their command line, never by a process id in a file: that id may belong to
another process by now.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from streams.deadline import Deadline


def start(argv: Sequence[str | Path], *, log: Path, folder: Path, user: str | None = None) -> None:
    """Start a process in its own session and in this working folder, with its output appended to `log`.

    `user` is the system user it runs as; only root may name one.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **as_user(user),
        )
    # It is meant to outlive us: otherwise Python warns about a child that was never waited for.
    process.returncode = 0


def as_user(user: str | None) -> dict[str, Any]:
    """Arguments for `subprocess` that run a program as another user, with only that user's groups."""
    if user is None:
        return {}
    import pwd

    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def find(is_wanted: Callable[[list[str]], bool]) -> list[psutil.Process]:
    """The living processes whose command line satisfies the condition."""
    return [process for process in psutil.process_iter() if is_wanted(command_line(process))]


def working_in(folder: Path) -> list[psutil.Process]:
    """The processes whose working folder is this one or inside it."""
    return [process for process in psutil.process_iter() if _working_folder(process).is_relative_to(folder)]


def command_line(process: psutil.Process) -> list[str]:
    """The arguments of a process; empty when it is gone, a zombie or invisible to us."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def stop(processes: Sequence[psutil.Process], number: signal.Signals, *, within: float) -> None:
    """Send these processes a signal, and kill what remains of them and their children after `within` seconds."""
    family = [*processes, *(child for process in processes for child in _children(process))]
    for process in processes:
        _send(process, number)
    if not wait_for(lambda: not _alive(family), within=within):
        for process in _alive(family):
            _send(process, signal.SIGKILL)
        wait_for(lambda: not _alive(family), within=10)


def wait_for(condition: Callable[[], bool], *, within: float, every: float = 0.03) -> bool:
    """Whether the condition became true within `within` seconds."""
    deadline = Deadline(within)
    while not condition():
        if deadline.over:
            return False
        time.sleep(every)
    return True


def _alive(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if not _has_ended(process)]


def _has_ended(process: psutil.Process) -> bool:
    try:
        if not process.is_running():  # also when its id now belongs to another process
            return True
        if process.status() != psutil.STATUS_ZOMBIE:
            return False
        if process.ppid() == os.getpid():
            process.wait(0)
        return True
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _working_folder(process: psutil.Process) -> Path:
    try:
        return Path(process.cwd())
    except psutil.Error:
        return Path()  # gone, or invisible to us


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def last_lines(log: Path, count: int = 15) -> str:
    """The last lines of a log, for a message to a person."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-count:]) or "(empty)"
