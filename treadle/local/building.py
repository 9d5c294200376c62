"""Builds a folder so that it is there whole or not at all, whenever the building is interrupted."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from treadle.local import processes


@contextmanager
def built_whole(target: Path) -> Iterator[Path]:
    """An empty folder in which the block makes one called as `target` is; at the end that gets its place.

    Run the programs that build with this folder as their working folder: it is how they are found when
    we were killed.
    """
    clear_unfinished(target)
    staging = Path(tempfile.mkdtemp(prefix=_prefix(target), dir=target.parent))
    yield staging
    (staging / target.name).rename(target)
    shutil.rmtree(staging)


def clear_unfinished(target: Path) -> None:
    """End what an interrupted building of `target` left running, and remove what it left lying."""
    for staging in target.parent.glob(f"{_prefix(target)}*"):
        processes.stop(processes.working_in(staging), signal.SIGKILL, within=10)
        shutil.rmtree(staging)


def _prefix(target: Path) -> str:
    return f"building-{target.name}-"
