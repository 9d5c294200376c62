"""Moments: what people and messages write, what is refused, and epoch milliseconds and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.errors import BadMessage
from streams.moments import (
    EARLIEST_MS,
    LATEST_MS,
    due_at,
    epoch_ms,
    from_epoch_ms,
    read_delay,
    read_due,
    read_moment,
    read_past,
)
from tests.support.builders.messages import NOW

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
    with pytest.raises(BadMessage, match="a job may wait at most ten years"):
        due_at(NOW, delay=timedelta(days=3_700))
    with pytest.raises(BadMessage, match="a job may wait at most ten years"):
        due_at(NOW, at=datetime.max.replace(tzinfo=UTC))


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(BadMessage, match=r"2026-01-31T09:00:00 has no time zone: write 2026-01-31T09:00:00Z"):
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
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(BadMessage, match="is not a duration: write 90s, 5m"):
        read_delay(text)


def test_moments_as_people_write_them() -> None:
    assert read_moment("2025-12-08T18:07Z") == NOW
    assert read_moment("2025-12-08 19:07:00+01:00") == NOW


def test_a_moment_without_a_time_zone_is_read_only_in_the_zone_that_is_given() -> None:
    assert read_moment("2025-12-08T18:07", UTC) == NOW
    assert read_moment("2025-12-08T19:07:00+01:00", UTC) == NOW
    with pytest.raises(BadMessage, match="2025-12-08T18:07:00 has no time zone"):
        read_moment("2025-12-08T18:07")


@pytest.mark.parametrize("text", ["", "noon", "2h", "2026-02-30T09:00:00Z"])
def test_what_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(BadMessage, match="is not a time: write 2026-01-31T09:00:00"):
        read_moment(text)


def test_a_due_moment_is_read_from_a_delay_or_a_time_and_not_from_both() -> None:
    assert read_due(NOW, None, None) is None
    assert read_due(NOW, "1h30m", None) == NOW + timedelta(minutes=90)
    assert read_due(NOW, None, "2025-12-08T19:07Z") == NOW + timedelta(hours=1)
    with pytest.raises(BadMessage, match="after a delay or at a moment, not both"):
        read_due(NOW, "5m", "2025-12-08T19:07Z")


def test_past_moments_as_people_write_them() -> None:
    assert read_past("2h", NOW) == NOW - timedelta(hours=2)
    assert read_past("1d12h", NOW) == NOW - timedelta(hours=36)
    assert read_past("2025-12-08T18:07Z", NOW) == NOW


@pytest.mark.parametrize("text", ["", "noon", "PT2H", "999999d", "9" * 30 + "d", "2025-12-08T18:07"])
def test_what_is_not_a_past_moment_is_refused(text: str) -> None:
    with pytest.raises(BadMessage, match=r"is not a time: write 30m, 2h or 7d \(ago\)"):
        read_past(text, NOW)


def test_a_moment_is_never_made_earlier_in_milliseconds() -> None:
    assert epoch_ms(NOW + timedelta(microseconds=1_001)) == epoch_ms(NOW) + 2
    assert epoch_ms(datetime(1969, 12, 31, 23, 59, 59, 999_500, tzinfo=UTC)) == 0


@given(ms=st.integers(EARLIEST_MS, LATEST_MS))
@example(ms=EARLIEST_MS)
@example(ms=LATEST_MS)
def test_milliseconds_come_back_as_they_were(ms: int) -> None:
    assert epoch_ms(from_epoch_ms(ms)) == ms


@pytest.mark.parametrize("ms", [EARLIEST_MS - 1, LATEST_MS + 1, 2**70, -(2**70)])
def test_a_moment_outside_the_years_1_to_9999_overflows(ms: int) -> None:
    with pytest.raises(OverflowError):
        from_epoch_ms(ms)
