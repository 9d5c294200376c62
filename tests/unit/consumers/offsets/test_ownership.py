"""Deaths are counted from owner to owner: the jobs that were there each time become suspects, and no others."""

from __future__ import annotations

import random

from hypothesis import example, given
from hypothesis import strategies as st

from consumers.offsets.commit import Commit, Committed
from consumers.offsets.ownership import REACH, SUSPICIOUS, Ownership, split, take_over
from consumers.offsets.tracker import OffsetTracker


def owner(kafka: Commit, end: int | None = None) -> OffsetTracker:
    tracker = OffsetTracker("jobs.low", 0)
    tracker.begin(Committed.read(*kafka))
    tracker.take_over(end)
    return tracker


def deaths_below(tracker: OffsetTracker) -> tuple[int, int]:
    """How many owners in a row died, and below which offset."""
    return tracker.deaths, tracker.suspects_below


def after_a_death(kafka: Commit, end: int | None = None) -> Commit:
    """What is committed when an owner has taken over and died."""
    return owner(kafka, end).state() or kafka


def test_an_owner_that_leaves_cleanly_leaves_no_note() -> None:
    tracker = owner(Commit(7, ""))
    noted = tracker.commit()

    tracker.leave()

    assert noted == Commit(7, "0:")
    assert tracker.state() == Commit(7, "")
    assert deaths_below(owner(Commit(7, ""))) == (0, 0)


def test_deaths_in_one_stretch_are_counted_and_make_suspects_of_what_lies_there() -> None:
    kafka = Commit(7, "")
    for deaths in range(4):
        tracker = owner(kafka, end=9)
        assert [tracker.deaths_at(offset) for offset in (7, 8, 9)] == [deaths, deaths, 0]
        kafka = after_a_death(kafka, end=9)


def test_an_owner_that_leaves_cleanly_passes_the_suspects_on_and_is_not_a_death() -> None:
    kafka = after_a_death(after_a_death(Commit(7, "")), end=9)
    third = owner(kafka, end=9)
    before = deaths_below(third)
    third.leave()

    fourth = owner(third.state() or kafka, end=30)

    assert deaths_below(fourth) == before
    assert fourth.deaths == SUSPICIOUS
    for offset in range(7, fourth.suspects_below):
        fourth.admit(offset)
        fourth.finish(offset)
    fourth.leave()
    assert (fourth.state() or kafka).metadata == ""


def test_when_all_suspects_are_finished_the_count_starts_again() -> None:
    tracker = owner(after_a_death(Commit(7, "")), end=9)
    for offset in (7, 8, 9):
        tracker.admit(offset)
    tracker.finish(7)
    one_left = tracker.commit()
    tracker.finish(8)

    assert one_left == Commit(8, "1:9:")
    assert tracker.commit() == Commit(9, "0:")
    assert deaths_below(tracker) == (0, 0)


def test_without_an_end_the_suspects_reach_no_further_than_a_process_fetches() -> None:
    first = owner(Commit(0, ""))
    for offset in range(100):
        first.admit(offset)
    for offset in range(50, 100):
        first.finish(offset)
    kafka = first.commit()
    assert kafka is not None

    assert deaths_below(owner(kafka)) == (1, 100 + REACH)
    assert deaths_below(owner(kafka, end=80)) == (1, 80)


def test_the_map_of_an_owner_that_died_still_counts() -> None:
    first = owner(Commit(5, ""))
    for offset in (5, 6, 7):
        first.admit(offset)
    first.finish(6)

    second = owner(first.commit() or Commit(0, ""))

    assert [offset for offset in (5, 6, 7) if second.admit(offset)] == [5, 7]


@given(
    deaths=st.integers(0, 5_000),
    until=st.integers(0, 2**60),
    clean=st.booleans(),
    text=st.sampled_from(["", "AQAK", "AAAA=="]),
)
def test_a_note_is_read_as_it_was_written(deaths: int, until: int, *, clean: bool, text: str) -> None:
    ownership = Ownership(deaths, until if deaths else 0, clean)

    read = None if clean and not deaths else ownership._replace(deaths=min(deaths, 999))
    assert split(ownership.note() + text) == (read, text)


@given(st.text() | st.text("019:.-A ", max_size=9))
@example(":")
@example("1507")
@example("1000:9:")
@example("-1:9:")
@example(" 2:9:")
@example("\N{ARABIC-INDIC DIGIT TWO}:9:")
@example("2:9:")
@example("2:9.")
def test_foreign_metadata_reports_no_death_unless_it_begins_like_a_note(text: str) -> None:
    number, colon, _ = text.partition(":")
    is_note = bool(colon) and number.isascii() and number.isdecimal() and len(number) <= 3

    before, rest = split(text)
    deaths = take_over(before, 5, 0, None).deaths

    if is_note:
        assert deaths <= int(number) + 1
    else:
        assert (deaths, rest) == (0, text)


@given(seed=st.integers(), length=st.integers(1, 60))
def test_a_job_that_kills_is_soon_a_suspect_and_no_job_is_blamed_for_what_another_did(
    seed: int, length: int
) -> None:
    """Owners perform in any order and are killed by one job: whatever is committed, it becomes a suspect."""
    chance = random.Random(seed)
    bad, kafka, killed = chance.randrange(length), Commit(0, ""), 0
    while True:
        tracker = owner(kafka, end=length)
        kafka = tracker.state() or kafka
        tracker.committed(kafka)
        fetched = [offset for offset in range(kafka.offset, length) if tracker.admit(offset)]
        chance.shuffle(fetched)
        for offset in fetched:
            if offset == bad:
                break
            tracker.finish(offset)
            if chance.random() < 0.3:
                kafka = tracker.commit() or kafka
                tracker.committed(kafka)
        assert bad in fetched
        if tracker.deaths_at(bad) >= SUSPICIOUS:
            break
        killed += 1

    assert killed == SUSPICIOUS
