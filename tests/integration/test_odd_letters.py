"""Dead letters that somebody else wrote: `treadle dead` reads whatever is in them, and gets rid of it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from streams.dead import FAILURE
from tests.integration.test_dead_command import CLOSE, Desk, letter
from tests.line import Line


@pytest.fixture
def desk(line: Line, fresh_database: str) -> Desk:
    return Desk(line, fresh_database)


def foreign(desk: Desk, value: bytes = CLOSE[1], kind: str = CLOSE[0], **failure: Any) -> None:
    """Have a letter lie on `jobs.dead` whose failure says this."""
    ours = letter(kind, value, LookupError("no such poll"))
    headers = dict(ours.headers)
    headers[FAILURE] = msgspec.json.encode(msgspec.json.decode(headers[FAILURE]) | failure)
    desk.send(ours._replace(headers=list(headers.items())))


def test_moments_out_of_range_are_left_out_and_the_letters_can_be_deleted(desk: Desk) -> None:
    foreign(desk, first_at="0001-01-01T00:00:00+14:00")
    foreign(desk, last_at="9999-12-31T23:59:59-14:00")

    rows = desk.table()
    stories = [json.loads(desk.run("show", row["letter"], "--json"))[0] for row in rows]
    said = desk.run("delete", "--all", "--yes")

    assert len(rows) == 2
    assert {None} < {story[name] for story in stories for name in ("first_at", "last_at")}
    assert "2 of 2 letters deleted" in said
