"""Deaths are counted from owner to owner: the jobs that were there at each become suspects, and no others."""

from __future__ import annotations

import random

from hypothesis import example, given
from hypothesis import strategies as st

from consumers.offsets import Commit, OffsetTracker
from consumers.tenure import REACH, SUSPICIOUS, Tenure, split, take_over


def owner(kafka: Commit, end: int | None = None) -> OffsetTracker:
    tracker = OffsetTracker("jobs.low", 0)
    tracker.begin(*kafka)
    tracker.take_over(end)
    return tracker


def leave(tracker: OffsetTracker) -> None:
    assert tracker.tenure is not None
    tracker.tenure = tracker.tenure._replace(left=True)


def died_at_work(kafka: Commit, end: int | None = None) -> Commit:
    """An owner takes over, notes that it is at work, and dies."""
    return owner(kafka, end).state() or kafka


def test_an_owner_that_leaves_in_order_leaves_no_note() -> None:
    tracker = owner(Commit(7, ""))
    at_work = tracker.commit()

    leave(tracker)

    assert at_work == Commit(7, "0:")
    assert tracker.state() == Commit(7, "")
    assert owner(Commit(7, "")).tenure == Tenure()


def test_deaths_in_one_stretch_are_counted_and_make_suspects_of_what_lies_there() -> None:
    kafka = Commit(7, "")
    for deaths in range(4):
        tracker = owner(kafka, end=9)
        assert tracker.tenure is not None
        assert [tracker.tenure.deaths_at(offset) for offset in (7, 8, 9)] == [deaths, deaths, 0]
        kafka = died_at_work(kafka, end=9)


def test_an_owner_that_leaves_in_order_hands_the_suspects_on_and_is_no_death() -> None:
    kafka = died_at_work(died_at_work(Commit(7, "")), end=9)
    third = owner(kafka, end=9)
    at_work = third.tenure
    leave(third)

    fourth = owner(third.state() or kafka, end=30)

    assert fourth.tenure == at_work
    assert fourth.tenure is not None
    assert fourth.tenure.deaths == SUSPICIOUS
    for offset in range(7, fourth.tenure.until):
        fourth.admit(offset)
        fourth.finish(offset)
    leave(fourth)
    assert (fourth.state() or kafka).metadata == ""


def test_when_all_suspects_are_finished_the_count_begins_anew() -> None:
    tracker = owner(died_at_work(Commit(7, "")), end=9)
    for offset in (7, 8, 9):
        tracker.admit(offset)
    tracker.finish(7)
    one_left = tracker.commit()
    tracker.finish(8)

    assert one_left == Commit(8, "1:9:")
    assert tracker.commit() == Commit(9, "0:")
    assert tracker.tenure == Tenure()


def test_without_an_end_the_suspects_reach_no_further_than_a_process_fetches() -> None:
    first = owner(Commit(0, ""))
    for offset in range(100):
        first.admit(offset)
    for offset in range(50, 100):
        first.finish(offset)
    kafka = first.commit()
    assert kafka is not None

    assert owner(kafka).tenure == Tenure(1, 100 + REACH)
    assert owner(kafka, end=80).tenure == Tenure(1, 80)


def test_the_map_of_an_owner_that_died_counts_all_the_same() -> None:
    first = owner(Commit(5, ""))
    for offset in (5, 6, 7):
        first.admit(offset)
    first.finish(6)

    second = owner(first.commit() or Commit(0, ""))

    assert [offset for offset in (5, 6, 7) if second.admit(offset)] == [5, 7]


@given(
    deaths=st.integers(0, 5_000),
    until=st.integers(0, 2**60),
    left=st.booleans(),
    text=st.sampled_from(["", "AQAK", "AAAA=="]),
)
def test_a_note_is_read_as_it_was_written(deaths: int, until: int, *, left: bool, text: str) -> None:
    tenure = Tenure(deaths, until if deaths else 0, left)

    read = None if left and not deaths else tenure._replace(deaths=min(deaths, 999))
    assert split(tenure.note() + text) == (read, text)


@given(st.text() | st.text("019:.-A ", max_size=9))
@example(":")
@example("1507")
@example("1000:9:")
@example("-1:9:")
@example(" 2:9:")
@example("\N{ARABIC-INDIC DIGIT TWO}:9:")
@example("2:9:")
@example("2:9.")
def test_what_others_wrote_tells_of_no_death_unless_it_begins_as_a_note_does(text: str) -> None:
    told, colon, _ = text.partition(":")
    is_note = bool(colon) and told.isascii() and told.isdecimal() and len(told) <= 3

    before, rest = split(text)
    deaths = take_over(before, 5, 0, None).deaths

    if is_note:
        assert deaths <= int(told) + 1
    else:
        assert (deaths, rest) == (0, text)


@given(seed=st.integers(), length=st.integers(1, 60))
def test_a_job_that_kills_is_soon_a_suspect_and_no_job_is_blamed_for_what_another_did(
    seed: int, length: int
) -> None:
    """Owners perform in any order and are killed by one job; whatever was committed by then, a child finds it."""
    chance = random.Random(seed)
    bad, kafka, killed = chance.randrange(length), Commit(0, ""), 0
    while True:
        tracker = owner(kafka, end=length)
        kafka = tracker.state() or kafka
        tracker.committed(kafka)
        fetched = [offset for offset in range(kafka.offset, length) if tracker.admit(offset)]
        chance.shuffle(fetched)
        for offset in fetched:
            assert tracker.tenure is not None
            if offset == bad:
                break
            tracker.finish(offset)
            if chance.random() < 0.3:
                kafka = tracker.commit() or kafka
                tracker.committed(kafka)
        assert bad in fetched
        if tracker.tenure.deaths_at(bad) >= SUSPICIOUS:
            break
        killed += 1

    assert killed == SUSPICIOUS
