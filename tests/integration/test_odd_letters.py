"""Dead letters and audits that somebody else wrote: `treadle dead` reads whatever is in them, and goes on."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from streams.codec import MAX_JOB_BYTES
from streams.dead import FAILURE
from streams.message import Message
from streams.topics import AUDIT
from tests.support.desk import CLOSE, Desk, letter
from tests.support.line import Line


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


TITLE = "\x1b]0;all is well\x07"


def test_nothing_in_a_letter_is_obeyed_by_a_terminal(desk: Desk) -> None:
    foreign(desk, TITLE.encode(), kind=TITLE, error=TITLE, message=f"one\ntwo{TITLE}", backtrace=[TITLE])

    listed = desk.run("list")
    counted = desk.run("retry", "--all", "--dry-run")
    told = desk.run("show", desk.table()[0]["letter"])
    refused = desk.run("edit", desk.table()[0]["letter"], "[1]", code=2)

    for said in (listed, counted, told, refused):
        assert "\\x1b]0;all is well\\x07" in said
        assert "\x1b" not in said
        assert "\x07" not in said
    assert "one\\ntwo" in listed
    assert "one\n              two" in told


def test_arguments_are_shown_as_they_came_and_names_as_they_are_given(desk: Desk) -> None:
    foreign(desk, b'{"name":"\\ud83d","name":1}')

    (row,) = desk.table()

    assert '{"name":"\\ud83d","name":1}' in desk.run("show", row["letter"])
    assert "[/x] is no dead letter" in desk.run("show", "[/x]", code=1)


def test_an_audit_of_others_stops_nobody(desk: Desk) -> None:
    desk.die(CLOSE, CLOSE, CLOSE)
    places = [[int(number) for number in row["letter"].split(":")] for row in desk.table()]

    def audit(*letters: list[int], at: str = "2025-12-08T18:07:00Z", why: str = "") -> Message:
        said = {"action": "delete", "by": "ada", "at": at, "letters": letters, "jobs": [], "why": why}
        return Message(AUDIT, None, json.dumps(said).encode(), [])

    desk.send(audit([2**40, 1]), audit([1, 2**70]), audit([-1, 1]))
    desk.send(audit(places[0], why="no\x00thing"), audit(places[1], at="9999-12-31T23:59:59-14:00"))
    deleted = desk.table("--state", "deleted")
    stories = [json.loads(desk.run("show", row["letter"], "--json"))[0] for row in deleted]

    assert len(desk.table()) == 1
    assert sorted(story["changed_why"] for story in stories) == ["", "no\\x00thing"]
    assert {story["changed_at"] for story in stories} == {None, "2025-12-08T18:07:00+00:00"}


def test_a_letter_that_is_too_large_for_a_job_stays_and_holds_up_no_other(desk: Desk) -> None:
    """Its home may refuse it each time, and with it all others of the batch."""
    (large,) = desk.die(("polls.close", b"[%s42]" % (b" " * MAX_JOB_BYTES)))
    (other,) = desk.die(CLOSE)

    said = desk.run("retry", "--all", "--yes")

    assert "1 of 2 letters sent home" in said
    assert "too large for a job: `treadle dead edit LETTER ARGS`" in said
    assert [row["job"] for row in desk.table()] == [large]
    assert [dict(home.headers)["ce_id"] for home in desk.line.sent("jobs.default")] == [other.encode()]
