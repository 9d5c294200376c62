"""What the children of a tested pool perform. They import this file alone, at each of their many starts."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

from consumers.attempt import Performer
from consumers.context import Context
from consumers.once import NoDatabase
from consumers.worker import Workers
from tests.support.builders.messages import KINDS, Greet


def performer() -> Performer:
    workers = Workers()
    workers.worker(Greet)(greet)
    return Performer(KINDS, workers, NoDatabase(), log_failures=False)


def greet(job: Greet, ctx: Context) -> None:
    """Leave a file, and do what the first word says. What is forked lives on: its file is named after it."""
    deed, folder = job.name.split(" ", 1)
    if deed.startswith("fork") and (forked := os.fork()) == 0:
        signal.pause()
    elif deed.startswith("fork"):
        Path(folder, f"forked-{forked}").touch()
        deed = deed.removeprefix("fork-and-")
    tempfile.mkstemp(dir=folder)
    if deed == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if deed == "wait":
        signal.pause()


def cannot_start() -> Performer:
    sys.exit(3)
