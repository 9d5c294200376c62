"""Dead letters and audits written by someone else: `treadle dead` reads whatever is in them, and continues."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from streams.headers import FAILURE, by_name
from streams.message import Message
from streams.topics import AUDIT
from streams.wire.jobs import MAX_JOB_BYTES
from tests.support.dead_letters import CLOSE, DeadLetters, a_dead_letter
from tests.support.line import Line

TITLE = "\x1b]0;all is well\x07"


@pytest.fixture
def dead_letters(line: Line, fresh_database: str) -> DeadLetters:
    return DeadLetters(line, fresh_database)


def add_foreign(
    dead_letters: DeadLetters, value: bytes = CLOSE[1], kind: str = CLOSE[0], **failure: Any
) -> None:
    """Write a dead letter whose failure says this."""
    ours = a_dead_letter(kind, value, LookupError("no such poll"))
    headers = by_name(ours.headers)
    headers[FAILURE] = msgspec.json.encode(msgspec.json.decode(headers[FAILURE] or b"") | failure)
    dead_letters.send(ours._replace(headers=list(headers.items())))


def shown(dead_letters: DeadLetters, row: dict[str, Any]) -> dict[str, Any]:
    story: dict[str, Any]
    (story,) = json.loads(dead_letters.run("show", row["dead_letter"], "--json"))
    return story


def test_moments_out_of_range_are_left_out_and_their_dead_letters_can_be_deleted(
    dead_letters: DeadLetters,
) -> None:
    add_foreign(dead_letters, first_at="0001-01-01T00:00:00+14:00")
    add_foreign(dead_letters, last_at="9999-12-31T23:59:59-14:00")

    rows = dead_letters.listed()
    stories = [shown(dead_letters, row) for row in rows]
    output = dead_letters.run("delete", "--all", "--yes")

    assert len(rows) == 2
    assert {None} < {story[name] for story in stories for name in ("first_at", "last_at")}
    assert "2 of 2 dead letters deleted" in output


def test_nothing_in_a_dead_letter_controls_the_terminal(dead_letters: DeadLetters) -> None:
    message = f"one\ntwo{TITLE}"
    add_foreign(dead_letters, TITLE.encode(), kind=TITLE, error=TITLE, message=message, backtrace=[TITLE])

    listed = dead_letters.run("list")
    counted = dead_letters.run("retry", "--all", "--dry-run")
    in_full = dead_letters.run("show", dead_letters.listed()[0]["dead_letter"])
    refused = dead_letters.run("edit", dead_letters.listed()[0]["dead_letter"], "[1]", code=2)

    for output in (listed, counted, in_full, refused):
        assert "\\x1b]0;all is well\\x07" in output
        assert "\x1b" not in output
        assert "\x07" not in output
    assert "one\\ntwo" in listed
    assert "one\n              two" in in_full


def test_arguments_are_shown_as_they_arrived_and_names_as_they_are_given(dead_letters: DeadLetters) -> None:
    add_foreign(dead_letters, b'{"name":"\\ud83d","name":1}')

    (row,) = dead_letters.listed()

    assert '{"name":"\\ud83d","name":1}' in dead_letters.run("show", row["dead_letter"])
    assert "[/x] is neither a dead letter" in dead_letters.run("show", "[/x]", code=1)


def test_odd_audits_do_not_stop_the_commands(dead_letters: DeadLetters) -> None:
    dead_letters.add(CLOSE, CLOSE, CLOSE)
    rows = dead_letters.listed()
    positions = [[int(number) for number in row["dead_letter"].split(":")] for row in rows]

    def audit(*positions: list[int], at: str = "2025-12-08T18:07:00Z", why: str = "") -> Message:
        action = {"action": "delete", "by": "ada", "at": at, "jobs": [], "why": why}
        return Message(AUDIT, None, json.dumps({**action, "dead_letters": positions}).encode(), [])

    dead_letters.send(audit([2**40, 1]), audit([1, 2**70]), audit([-1, 1]))
    dead_letters.send(
        audit(positions[0], why="no\x00thing"), audit(positions[1], at="9999-12-31T23:59:59-14:00")
    )
    stories = [shown(dead_letters, row) for row in dead_letters.listed("--state", "deleted")]

    assert len(dead_letters.listed()) == 1
    assert sorted(story["changed_why"] for story in stories) == ["", "no\\x00thing"]
    assert {story["changed_at"] for story in stories} == {None, "2025-12-08T18:07:00+00:00"}


def test_what_is_too_large_for_a_job_stays_and_holds_up_no_other(dead_letters: DeadLetters) -> None:
    """Its queue may refuse it each time, and with it every other in the batch."""
    (large,) = dead_letters.add(("polls.close", b"[%s42]" % (b" " * MAX_JOB_BYTES)))
    (other,) = dead_letters.add(CLOSE)

    output = dead_letters.run("retry", "--all", "--yes")

    assert "1 of 2 dead letters sent back" in output
    assert "skipped, too large for a job" in output
    assert [row["job"] for row in dead_letters.listed()] == [large]
    assert dead_letters.sent_back() == [other]
