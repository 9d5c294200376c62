"""The practice co-op: what its rows guarantee for a size, a seed and a moment."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from treadle.dev.practice.ballots import POLL_TYPES, ballot, vote
from treadle.dev.practice.chance import Chance
from treadle.dev.practice.coop import rows
from treadle.dev.practice.names import COOPS, CULTURES
from treadle.dev.practice.polls import full_hour
from treadle.dev.practice.rows import (
    PartitionSequence,
    Poll,
    Row,
    Stance,
    User,
)
from treadle.dev.practice.size import SIZES, Size
from treadle.dev.practice.words import LANGUAGES

NOW = datetime(2025, 12, 8, 18, 7, tzinfo=UTC)
NAIVE_NOW = NOW.replace(tzinfo=None)  # as in the rows
ZONES = [zone for culture in CULTURES.values() for zone in culture.zones]


def test_the_same_seed_gives_the_same_rows() -> None:
    assert list(rows(SIZES["tiny"], seed=7, now=NOW)) == list(rows(SIZES["tiny"], seed=7, now=NOW))


def test_another_seed_gives_other_rows() -> None:
    assert list(rows(SIZES["tiny"], seed=7, now=NOW)) != list(rows(SIZES["tiny"], seed=8, now=NOW))


def test_no_two_rows_of_a_table_have_the_same_id(small: list[Row]) -> None:
    ids = Counter((type(row), row.id) for row in small if not isinstance(row, PartitionSequence))

    assert max(ids.values()) == 1


def test_a_small_co_op_shows_every_type_of_poll_in_every_state(small: list[Row]) -> None:
    polls = [row for row in small if isinstance(row, Poll)]

    lapsed = [poll for poll in polls if is_lapsed(poll)]
    closed = [poll for poll in polls if poll.closed_at]
    open_ = [poll for poll in polls if not poll.closed_at and poll.closing_at and not is_lapsed(poll)]
    assert len(lapsed) == 60
    assert {poll.poll_type for poll in lapsed} == set(POLL_TYPES)
    assert {poll.poll_type for poll in closed} == set(POLL_TYPES)
    assert {poll.poll_type for poll in open_} == set(POLL_TYPES)


def test_lapsed_polls_are_of_every_sort(small: list[Row]) -> None:
    lapsed = [row for row in small if isinstance(row, Poll) and is_lapsed(row)]

    assert {poll.anonymous for poll in lapsed} == {True, False}
    assert {poll.hide_results for poll in lapsed} == {0, 1, 2}
    assert {poll.discussion_id is None for poll in lapsed} == {True, False}
    assert {poll.group_id is None for poll in lapsed} == {True, False}
    assert {poll.quorum_pct for poll in lapsed if poll.anonymous} == {None, 50}


def test_their_authors_live_in_many_zones(small: list[Row]) -> None:
    zones = {row.id: row.time_zone for row in small if isinstance(row, User)}

    assert len({zones[row.author_id] for row in small if isinstance(row, Poll) and is_lapsed(row)}) >= 10


def test_the_number_of_lapsed_polls_can_be_chosen() -> None:
    made = rows(SIZES["tiny"].with_lapsed(31), seed=1, now=NOW)

    assert sum(isinstance(row, Poll) and is_lapsed(row) for row in made) == 31


def test_a_closed_anonymous_poll_has_forgotten_its_voters(small: list[Row]) -> None:
    forgotten = {row.id for row in small if isinstance(row, Poll) and row.anonymous and row.closed_at}

    voters = {row.participant_id for row in small if isinstance(row, Stance) and row.poll_id in forgotten}

    assert forgotten
    assert voters == {None}


def test_only_closing_times_are_in_the_future(small: list[Row]) -> None:
    late = [
        row
        for row in small
        if getattr(row, "created_at", NAIVE_NOW) > NAIVE_NOW
        or getattr(row, "updated_at", NAIVE_NOW) > NAIVE_NOW
    ]

    assert late == []


@pytest.mark.parametrize("wrong", [{"members": 2}, {"organisations": 0}, {"lapsed": -1}])
def test_an_impossible_size_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        Size(**wrong)


@given(poll_type=st.sampled_from(POLL_TYPES), language=st.sampled_from(sorted(LANGUAGES)), seed=st.integers())
def test_every_vote_keeps_to_the_limits_of_its_ballot(poll_type: str, language: str, seed: int) -> None:
    chance = Chance(seed, NAIVE_NOW)
    made = ballot(chance, poll_type, LANGUAGES[language], zone="Europe/Kyiv", created_at=NAIVE_NOW)

    scores = vote(chance, made)

    assert set(scores) <= set(range(len(made.options)))
    assert sum(scores.values()) <= (made.dots or 1000)
    assert all((made.min_score or 0) <= score <= (made.max_score or 8) for score in scores.values())
    assert (made.least_choices or 0) <= len(scores) <= (made.most_choices or 1000)
    assert isinstance(json.loads(made.custom_fields), dict)


@given(
    moment=st.datetimes(NAIVE_NOW.replace(year=2020), NAIVE_NOW.replace(year=2030)),
    zone=st.sampled_from(sorted(set(ZONES))),
)
# Where the clocks were just set back by half an hour:
@example(moment=NAIVE_NOW.replace(2024, 4, 6, 15, 0), zone="Australia/Lord_Howe")
def test_a_full_hour_is_full_by_local_clocks(moment: datetime, zone: str) -> None:
    hour = full_hour(moment, zone)

    local = hour.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    assert (local.minute, local.second, local.microsecond) == (0, 0, 0)
    assert timedelta(0) <= moment - hour < timedelta(hours=1.5)


def test_every_co_op_speaks_a_language_with_all_its_phrases() -> None:
    for coop in COOPS:
        assert coop.culture in CULTURES
        assert set(LANGUAGES[coop.language].titles) == set(POLL_TYPES)


@pytest.fixture(scope="module")
def small() -> list[Row]:
    return list(rows(SIZES["small"], seed=1, now=NOW))


def is_lapsed(poll: Poll) -> bool:
    return (
        poll.closed_at is None
        and poll.discarded_at is None
        and poll.closing_at is not None
        and poll.closing_at < NAIVE_NOW
    )
