"""Dead letters as rows: whatever is on `jobs.dead` can be stored and read back."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from monitor.dead_letters.row import position_named, row_of
from streams.headers import FAILURE
from tests.support.builders.messages import NOW, a_message

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def a_failure(first_at: str) -> bytes:
    """The header `treadle_failure` as someone else might write it."""
    origin = {"topic": "jobs.low", "partition": 0, "offset": 0}
    failure = {"error": "LookupError", "message": "no", "first_at": first_at, "last_at": NOW}
    return msgspec.json.encode({**failure, **origin})


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2025-12-08T20:07:00+02:00", NOW),
        ("2025-12-08T18:07:00", NOW),
        ("0001-01-01T00:00:00+14:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("9999-12-31T12:00:00Z", None),
    ],
)
def test_a_moment_that_could_not_be_read_back_is_none(written: str, stored: datetime | None) -> None:
    row = row_of(a_message(headers={FAILURE: a_failure(written)}))

    assert row.error == "LookupError"
    assert row.first_at == stored
    assert row.first_at is None or row.first_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("ms", "stored"), [(1_765_217_220_000, NOW), (253_402_300_799_000, EPOCH), (2**62, EPOCH)]
)
def test_a_time_of_death_that_could_not_be_read_back_is_the_epoch(ms: int, stored: datetime) -> None:
    assert row_of(a_message(timestamp=ms)).died_at == stored


def test_a_row_gives_back_the_message_it_was_made_from() -> None:
    received = a_message(b"\xff\x00", topic="jobs.dead", key=b"\xfe", more=[("x", None), ("x", b"\xff")])

    assert row_of(received).received() == received


@pytest.mark.parametrize(
    ("name", "position"),
    [("3:1042", (3, 1042)), ("3", None), ("3:-1", None), ("٣:1", None), (f"1:{10**18}", None)],
)
def test_a_name_is_read_as_a_position_if_it_is_one(name: str, position: tuple[int, int] | None) -> None:
    assert position_named(name) == position
