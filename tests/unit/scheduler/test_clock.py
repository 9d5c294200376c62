"""Which moments of a schedule are due: across time zones, clock changes and times when no scheduler ran."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.clock import ON_TIME, Due, due, newest_moment, next_moment
from scheduler.schedule import Missed, Schedule
from streams.tick import Tick

CRONS = st.sampled_from(
    ["0 * * * *", "*/15 * * * *", "30 2 * * *", "0 6 * * *", "0 0 * * 1", "15 3 1 * *", "*/7 1-3 * * *"]
)
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
)


def between(first: str, last: str) -> st.SearchStrategy[datetime]:
    bounds = datetime.fromisoformat(first), datetime.fromisoformat(last)
    return st.datetimes(*bounds, timezones=st.just(UTC))


MOMENTS = st.one_of(
    between("2024-01-01", "2027-01-01"),
    # Around the changes of clocks in Berlin and New York
    between("2025-10-25", "2025-10-27"),
    between("2025-03-29", "2025-03-31"),
    between("2025-11-01", "2025-11-03"),
)
STEPS = st.lists(st.timedeltas(timedelta(0), timedelta(days=9)), min_size=1, max_size=6)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def every(cron: str, zone: str, last: str, now: str) -> list[str]:
    """The moments due in between, as day and time in UTC."""
    found = due(Schedule("test", cron, Missed.ALL, zone=zone), at(last), at(now))
    return [f"{tick.due_at:%d %H:%M}" for tick in found.ticks] if found else []


@pytest.mark.parametrize(
    ("cron", "zone", "last", "now", "moments"),
    [
        ("0 * * * *", "UTC", "2025-12-08T18:00", "2025-12-08T18:59:59", []),
        ("0 * * * *", "UTC", "2025-12-08T18:00", "2025-12-08T19:00", ["08 19:00"]),
        ("0 6 * * *", "Asia/Kathmandu", "2025-12-08T00:15", "2025-12-10T00:00", ["09 00:15"]),
        ("0 9 * * 1", "America/New_York", "2025-12-01T15:00", "2025-12-09T00:00", ["08 14:00"]),
        # Berlin, 30 March: there is no 02:30; it fires once the clocks have moved
        ("30 2 * * *", "Europe/Berlin", "2025-03-29T01:30", "2025-03-31T01:00", ["30 01:00", "31 00:30"]),
        # Berlin, 26 October: 02:30 occurs twice; it fires the first time
        ("30 2 * * *", "Europe/Berlin", "2025-10-25T00:30", "2025-10-27T01:30", ["26 00:30", "27 01:30"]),
        # Every hour is every hour, whatever clocks do
        (
            "0 * * * *",
            "Europe/Berlin",
            "2025-10-25T23:00",
            "2025-10-26T03:00",
            ["26 00:00", "26 01:00", "26 02:00", "26 03:00"],
        ),
        ("0 * * * *", "Europe/Berlin", "2025-03-30T00:00", "2025-03-30T02:00", ["30 01:00", "30 02:00"]),
    ],
)
def test_moments_are_those_of_clocks_on_the_wall(
    cron: str, zone: str, last: str, now: str, moments: list[str]
) -> None:
    assert every(cron, zone, last, now) == moments


def test_nothing_is_due_when_the_clock_went_back() -> None:
    hourly = Schedule("test", "0 * * * *")

    assert due(hourly, at("2025-12-08T18:00"), at("2025-12-08T17:30")) is None


THREE_MISSED = (at("2025-12-08T15:00"), at("2025-12-08T18:02"))


def test_latest_fires_once_for_all_that_was_missed() -> None:
    found = due(Schedule("test", "0 * * * *", Missed.LATEST), *THREE_MISSED)

    assert found == Due(
        [Tick("test", at("2025-12-08T18:00"), at("2025-12-08T15:00"))], newest=at("2025-12-08T18:00")
    )


def test_all_fires_for_each_oldest_first() -> None:
    found = due(Schedule("test", "0 * * * *", Missed.ALL), *THREE_MISSED)

    assert found is not None
    assert [tick.due_at.hour for tick in found.ticks] == [16, 17, 18]
    assert [tick.since.hour for tick in found.ticks] == [15, 16, 17]


def test_all_reaches_back_only_so_far() -> None:
    reaching = Schedule("test", "0 * * * *", Missed.ALL, reach=timedelta(minutes=90))

    found = due(reaching, *THREE_MISSED)

    assert found is not None
    assert [tick.due_at.hour for tick in found.ticks] == [17, 18]
    assert found.ticks[0].since == at("2025-12-08T16:32")


def test_latest_reaches_back_only_so_far() -> None:
    reaching = Schedule("test", "0 * * * *", Missed.LATEST, reach=timedelta(minutes=90))

    found = due(reaching, *THREE_MISSED)

    assert found is not None
    assert [(tick.due_at, tick.since) for tick in found.ticks] == [
        (at("2025-12-08T18:00"), at("2025-12-08T16:32"))
    ]


def test_skip_fires_what_is_still_on_time_and_drops_the_rest() -> None:
    skipping = Schedule("test", "0 * * * *", Missed.SKIP)

    on_time = due(skipping, at("2025-12-08T15:00"), at("2025-12-08T18:00") + ON_TIME)
    late = due(skipping, at("2025-12-08T15:00"), at("2025-12-08T18:01") + ON_TIME)

    assert on_time is not None
    assert [tick.due_at.hour for tick in on_time.ticks] == [18]
    assert late == Due([], newest=at("2025-12-08T18:00"))


@given(
    cron=CRONS, zone=ZONES, missed=st.sampled_from([Missed.LATEST, Missed.ALL]), start=MOMENTS, steps=STEPS
)
@settings(max_examples=40, deadline=None)
def test_ticks_tile_time_without_gap_or_overlap(
    cron: str, zone: str, missed: Missed, start: datetime, steps: list[timedelta]
) -> None:
    schedule = Schedule("test", cron, missed, zone=zone)
    last, now, ticks = start, start, []

    for step in steps:
        now += step
        if found := due(schedule, last, now):
            ticks += found.ticks
            last = found.newest

    edges = [start, *(tick.due_at for tick in ticks)]
    assert [tick.since for tick in ticks] == edges[:-1]
    assert all(earlier < later for earlier, later in pairwise(edges))
    assert last == edges[-1] <= now


@given(cron=CRONS, zone=ZONES, start=MOMENTS, steps=STEPS)
@settings(max_examples=40, deadline=None)
def test_the_same_moments_fire_however_often_one_looks(
    cron: str, zone: str, start: datetime, steps: list[timedelta]
) -> None:
    schedule = Schedule("test", cron, Missed.ALL, zone=zone)
    last = now = start
    often = []

    for step in steps:
        now += step
        if found := due(schedule, last, now):
            often += [tick.due_at for tick in found.ticks]
            last = found.newest

    once = due(schedule, start, now)
    assert often == ([tick.due_at for tick in once.ticks] if once else [])


@given(cron=CRONS, zone=ZONES, now=MOMENTS)
@settings(deadline=None)
def test_now_lies_between_the_newest_moment_and_the_next(cron: str, zone: str, now: datetime) -> None:
    schedule = Schedule("test", cron, Missed.ALL, zone=zone)

    newest, following = newest_moment(schedule, now), next_moment(schedule, now)

    assert newest <= now < following
    between = due(schedule, newest, following)
    assert between is not None
    assert [tick.due_at for tick in between.ticks] == [following]


def test_in_the_hour_that_clocks_repeat_nothing_fires_a_second_time() -> None:
    half_past_two = Schedule("test", "30 2 * * *", zone="Europe/Berlin")
    second_round = at("2025-10-26T01:10")  # 02:10 for the second time; 02:30 was 40 minutes ago

    assert newest_moment(half_past_two, second_round) == at("2025-10-26T00:30")
    assert next_moment(half_past_two, second_round) == at("2025-10-27T01:30")


@given(cron=CRONS, zone=ZONES, moment=MOMENTS)
@settings(max_examples=50, deadline=None)
def test_a_moment_is_the_newest_at_its_own_instant(cron: str, zone: str, moment: datetime) -> None:
    schedule = Schedule("test", cron, zone=zone)

    following = next_moment(schedule, moment)

    assert newest_moment(schedule, following) == following
