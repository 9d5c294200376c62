"""A line whose processes are killed; it finds the topics made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.line import Line, a_line, make_topics


@pytest.fixture
def line(kafka: str, tmp_path: Path) -> Iterator[Line]:
    make_topics(kafka)
    with a_line(kafka, tmp_path) as line:
        yield line
