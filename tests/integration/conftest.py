"""Topics, and a line of commands and processes for each test that wants one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.line import ROOT, Line, a_line, make_topics


@pytest.fixture(scope="session")
def topics(kafka: str) -> str:
    """Bootstrap servers of a Kafka that has all of our topics."""
    make_topics(kafka)
    return kafka


@pytest.fixture
def line(topics: str, tmp_path: Path) -> Iterator[Line]:
    """A line without a database, in an empty folder outside the project."""
    with a_line(topics, tmp_path) as line:
        yield line


@pytest.fixture
def shop(line: Line) -> Line:
    """A line with workers of all sorts."""
    shutil.copy(ROOT / "tests/shops/life_jobs.py", line.folder)
    line.settings["WORKERS"] = "life_jobs"
    return line
