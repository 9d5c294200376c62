"""A line of commands and processes for each test that needs one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Commands
from tests.support.line import Line, a_line
from tests.support.planned import ROOT
from tests.support.topics import Topics


@pytest.fixture
def line(topics: Topics, commands: Commands, tmp_path: Path) -> Iterator[Line]:
    """A line without a database, in an empty folder outside the project."""
    with a_line(topics, commands, tmp_path) as line:
        yield line


@pytest.fixture
def shop(line: Line) -> Line:
    """A line with all kinds of workers."""
    shutil.copy(ROOT / "tests/support/shops/life_jobs.py", line.folder)
    line.settings["WORKERS"] = "life_jobs"
    return line
