"""Takes down what a run has started when the run itself could not, because it was killed.

    python -m tests.support.guardian FOLDER

A process beside the tests. It waits until its stdin ends, which they hold open, and then stops the stack it finds.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.planned import ROOT


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """If this process is killed, a stack in this folder does not outlive it for long."""
    guardian = subprocess.Popen(
        [sys.executable, "-m", "tests.support.guardian", str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is not for it
    )
    try:
        yield
    finally:
        guardian.communicate(timeout=60)


if __name__ == "__main__":
    sys.stdin.read()
    home = Path(sys.argv[1])
    if home.exists():
        from treadle.dev.local.stack import Stack

        Stack(home, durable=False).down(delete=True)
