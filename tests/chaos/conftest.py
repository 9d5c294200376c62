"""Fixtures of the tests that kill processes and brokers.

The seed of each test is printed; TREADLE_TEST_SEED=… repeats its moments, as far as the machine allows.
TREADLE_CHAOS=long makes everything last longer: that is `make chaos`.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.brokers import a_broker
from tests.support.commands import Commands
from tests.support.line import Line, a_line
from tests.support.planned import ROOT
from tests.support.topics import Topics, looking_into
from treadle.dev.local.stack import Stack


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("TREADLE_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"\nTREADLE_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def line(topics: Topics, commands: Commands, tmp_path: Path) -> Iterator[Line]:
    with a_line(topics, commands, tmp_path) as line:
        yield line


@pytest.fixture
def shop(line: Line) -> Line:
    """A line with the jobs of `chaos_jobs.py`, which leave records."""
    return with_shop(line)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Stack]:
    """A broker for this test alone; the shared one is not touched."""
    with a_broker(tmp_path / "stack") as stack:
        yield stack


@pytest.fixture
def line_of_its_own(broker: Stack, commands: Commands, tmp_path: Path) -> Iterator[Line]:
    """A line on the broker that the test kills."""
    folder = tmp_path / "line"
    folder.mkdir()
    with looking_into(broker.kafka) as topics, a_line(topics, commands, folder) as line:
        yield line


def with_shop(line: Line, name: str = "chaos_jobs") -> Line:
    """The line, with its workers from this module of `tests/support/shops/`."""
    shutil.copy(ROOT / f"tests/support/shops/{name}.py", line.folder)
    line.settings["WORKERS"] = name
    return line
