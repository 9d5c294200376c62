"""A line whose processes are killed; it finds the topics made.

The seed of a test is printed, and TREADLE_TEST_SEED=… gives the same moments again, as far as machines allow.
TREADLE_CHAOS=long has everything last longer: that is `make chaos`.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.broker import a_broker
from tests.line import ROOT, Line, a_line, make_topics
from treadle.local.stack import Stack

LONG = os.environ.get("TREADLE_CHAOS") == "long"


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("TREADLE_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"\nTREADLE_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def line(kafka: str, tmp_path: Path) -> Iterator[Line]:
    make_topics(kafka)
    with a_line(kafka, tmp_path) as line:
        yield line


@pytest.fixture
def shop(line: Line) -> Line:
    """A line whose jobs leave records."""
    return with_shop(line)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Stack]:
    """A broker for this test alone: the others' goes on."""
    with a_broker(tmp_path / "stack") as stack:
        yield stack


def kill(broker: Stack) -> None:
    """With -9. `up` has it come back."""
    pid = broker.status().kafka.pid
    assert pid is not None
    process = psutil.Process(pid)
    process.kill()
    process.wait(10)


def with_shop(line: Line, name: str = "chaos_jobs") -> Line:
    shutil.copy(ROOT / f"tests/shops/{name}.py", line.folder)
    line.settings["WORKERS"] = name
    return line


def time_passes(process: subprocess.Popen[bytes], seconds: float) -> None:
    """A moment of a given length. Fails when the process ends of itself meanwhile."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(seconds)
