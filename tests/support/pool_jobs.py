"""What the children of a tested process pool perform. They import only this file, as they are started often."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.worker import Workers
from tests.support.builders.messages import KINDS, Greet


def performer() -> Performer:
    workers = Workers()
    workers.worker(Greet)(greet)
    return Performer(KINDS, workers, Services(NoDatabase()), log_failures=False)


def greet(job: Greet, ctx: Context) -> None:
    """Create a file, and do what the first word says. A forked process stays alive; a file is named after its pid."""
    action, folder = job.name.split(" ", 1)
    if action.startswith("fork") and (forked := os.fork()) == 0:
        signal.pause()
    elif action.startswith("fork"):
        Path(folder, f"forked-{forked}").touch()
        action = action.removeprefix("fork-and-")
    tempfile.mkstemp(dir=folder)
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "wait":
        signal.pause()


def cannot_start() -> Performer:
    sys.exit(3)
