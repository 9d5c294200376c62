"""Jobs for later: which moment is meant, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from streams.codec import decode_job, encode_job
from streams.errors import BadMessage
from streams.later import due_at, read_delay, read_moment
from streams.message import Received
from tests.support.builders.messages import KINDS, NOW, an_envelope

BERLIN = timezone(timedelta(hours=1))


def test_a_delay_counts_from_now() -> None:
    assert due_at(NOW, delay=timedelta(minutes=5)) == NOW + timedelta(minutes=5)


def test_a_moment_is_taken_with_its_zone() -> None:
    due = due_at(NOW, at=datetime(2025, 12, 24, 18, tzinfo=BERLIN))

    assert due == datetime(2025, 12, 24, 17, tzinfo=UTC)
    assert due is not None
    assert due.tzinfo is UTC


@pytest.mark.parametrize("delay", [None, timedelta(), timedelta(days=-1), timedelta.min])
def test_what_is_past_means_now(delay: timedelta | None) -> None:
    assert due_at(NOW, delay=delay) is None
    assert due_at(NOW, at=NOW - timedelta(days=400)) is None


def test_ten_years_are_the_limit() -> None:
    assert due_at(NOW, delay=timedelta(days=3_650)) is not None
    with pytest.raises(BadMessage, match="a job may wait ten years"):
        due_at(NOW, delay=timedelta(days=3_700))
    with pytest.raises(BadMessage, match="a job may wait ten years"):
        due_at(NOW, at=datetime.max.replace(tzinfo=UTC))


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(BadMessage, match=r"2026-01-31T09:00:00 has no zone"):
        due_at(NOW, at=datetime(2026, 1, 31, 9))  # noqa: DTZ001  # that is what is refused


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("2h", 7_200),
        ("1d", 86_400),
        ("1w", 604_800),
        ("1h30m", 5_400),
        ("PT5M", 300),
    ],
)
def test_durations_as_people_write_them(text: str, seconds: int) -> None:
    assert read_delay(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "soon", "5 m", "m5", "P1Y", "9" * 30 + "d", "1.5h", "²m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadMessage, match="is no duration: write 90s, 5m"):
        read_delay(text)


def test_moments_as_people_write_them() -> None:
    assert read_moment("2025-12-08T18:07Z") == NOW
    assert read_moment("2025-12-08 19:07:00+01:00") == NOW


def test_a_due_moment_survives_the_wire_and_is_never_made_earlier() -> None:
    envelope = an_envelope(due=NOW + timedelta(microseconds=1_001))
    message = encode_job(envelope)

    read = decode_job(Received("jobs.low", 0, 0, message.key, message.value, message.headers, 0), KINDS)

    assert read.due == NOW + timedelta(milliseconds=2)
