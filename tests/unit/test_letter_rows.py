"""Dead letters as rows: whatever lies on `jobs.dead` can be stored, and be read again."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from streams.dead import FAILURE
from tests.support.builders.messages import NOW, a_message
from treadle.dead.letter import letter_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def a_failure(first_at: str) -> bytes:
    """The header `treadle_failure` as somebody else could write it."""
    place = {"topic": "jobs.low", "partition": 0, "offset": 0}
    told = {"error": "LookupError", "message": "no", "first_at": first_at, "last_at": NOW}
    return msgspec.json.encode({**told, **place})


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
def test_a_moment_that_could_not_be_read_again_is_none(written: str, stored: datetime | None) -> None:
    row = letter_of(a_message(headers={FAILURE: a_failure(written)}))

    assert row.error == "LookupError"
    assert row.first_at == stored
    assert row.first_at is None or row.first_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("ms", "stored"), [(1_765_217_220_000, NOW), (253_402_300_799_000, EPOCH), (2**62, EPOCH)]
)
def test_a_time_of_death_that_could_not_be_read_again_is_the_epoch(ms: int, stored: datetime) -> None:
    assert letter_of(a_message(timestamp=ms)).died_at == stored
