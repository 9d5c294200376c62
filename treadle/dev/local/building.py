"""Builds a folder that exists complete or not at all, even if the process is interrupted."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from treadle.dev.local import processes


@contextmanager
def built_atomically(target: Path) -> Iterator[Path]:
    """An empty folder in which the block creates one with the name of `target`; at the end that becomes `target`.

    Programs that help must have this folder as their working folder: that is how they are found if this process is
    killed.
    """
    clear_unfinished(target)
    staging = Path(tempfile.mkdtemp(prefix=_prefix(target), dir=target.parent))
    yield staging
    (staging / target.name).rename(target)
    shutil.rmtree(staging)


def clear_unfinished(target: Path) -> None:
    """Stop what an interrupted build of `target` left running, and remove what it left behind."""
    for staging in target.parent.glob(f"{_prefix(target)}*"):
        processes.stop(processes.working_in(staging), signal.SIGKILL, within=10)
        shutil.rmtree(staging)


def _prefix(target: Path) -> str:
    return f"building-{target.name}-"
