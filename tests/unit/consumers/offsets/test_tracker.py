"""The offset tracker: a commit never passes an incomplete job, and its map says what is complete above it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.offsets import encoding
from consumers.offsets.commit import Commit, Committed
from consumers.offsets.tracker import OffsetTracker
from streams.errors import TreadleError


def a_tracker(*offsets: int, committed: int | None = None, metadata: str = "") -> OffsetTracker:
    tracker = OffsetTracker("jobs.low", 0)
    tracker.begin(Committed.read(committed, metadata))
    for offset in offsets:
        tracker.admit(offset)
    return tracker


def test_a_commit_waits_for_the_first_incomplete_offset() -> None:
    tracker = a_tracker(5, 6, 7)

    tracker.finish(6)
    tracker.finish(7)
    before = tracker.commit()
    tracker.finish(5)

    assert before is not None
    assert before.offset == 5
    assert tracker.commit() == Commit(8, "")


def test_the_next_owner_performs_only_what_the_map_leaves_open() -> None:
    first = a_tracker(5, 6, 7, 8, 9)
    for offset in (6, 8):
        first.finish(offset)
    offset, metadata = first.commit() or Commit(0, "")

    second = a_tracker(committed=offset, metadata=metadata)

    assert [number for number in range(5, 12) if second.admit(number)] == [5, 7, 9, 10, 11]


def test_a_map_that_reaches_beyond_the_end_is_about_jobs_that_kafka_lost() -> None:
    first = a_tracker(5, 6, 7, 8, 9)
    for offset in (6, 8, 9):
        first.finish(offset)
    offset, metadata = first.commit() or Commit(0, "")

    second = OffsetTracker("jobs.low", 0)
    second.begin(Committed.read(offset, metadata), end=8)

    assert second.truncated
    assert second.commit() == Commit(5, "")  # nor may the next owner believe it
    assert [number for number in range(5, 10) if second.admit(number)] == [5, 6, 7, 8, 9]


def test_what_is_in_flight_from_before_a_truncation_is_not_taken_for_the_jobs_that_replaced_it() -> None:
    former = a_tracker(5, 6, 7)
    former.finish(7)
    former.start(5)
    offset, metadata = former.commit() or Commit(0, "")

    again = OffsetTracker("jobs.low", 0)
    again.begin(Committed.read(offset, metadata), former, end=6)
    admitted = [number for number in (5, 6, 7) if again.admit(number)]
    former.finish(5)

    assert admitted == [5, 6, 7]
    assert again.commit() == Commit(5, "")


def test_what_is_in_flight_is_not_taken_for_the_jobs_that_replaced_it_where_there_is_no_map_either() -> None:
    former = a_tracker(5, 6, 7)
    former.start(6)

    again = OffsetTracker("jobs.low", 0)
    again.begin(Committed.read(5, ""), former, end=6)

    assert again.truncated
    assert [number for number in (5, 6) if again.admit(number)] == [5, 6]


def test_a_map_that_reaches_to_the_end_is_believed() -> None:
    first = a_tracker(5, 6)
    first.finish(6)
    offset, metadata = first.commit() or Commit(0, "")

    second = OffsetTracker("jobs.low", 0)
    second.begin(Committed.read(offset, metadata), end=7)

    assert not second.truncated
    assert [number for number in (5, 6, 7) if second.admit(number)] == [5, 7]


def test_offsets_that_go_back_stop_the_process_and_the_next_owner_begins_there_without_a_map() -> None:
    tracker = a_tracker(5, 6, 7, 8)
    for offset in (5, 8):
        tracker.finish(offset)
    assert encoding.decode(*(tracker.commit() or Commit(0, ""))) is not None

    with pytest.raises(TreadleError, match=r"jobs\.low/0 was truncated: offset 6 arrived after 8"):
        tracker.admit(6)

    assert tracker.commit() == Commit(6, "")


def test_of_offsets_that_go_back_below_what_is_finished_the_lowest_is_where_the_next_owner_begins() -> None:
    tracker = a_tracker(5, 6, 7)
    for offset in (5, 6, 7):
        tracker.finish(offset)

    with pytest.raises(TreadleError):
        tracker.admit(6)

    assert tracker.commit() == Commit(6, "")


def test_a_commit_before_all_is_fetched_again_keeps_what_the_earlier_map_left_open() -> None:
    first = a_tracker(*range(5, 12))
    for offset in (6, 8, 10):
        first.finish(offset)
    second = a_tracker(5, 6, committed=5, metadata=(first.commit() or Commit(0, "")).metadata)
    second.finish(5)

    offset, metadata = second.commit() or Commit(0, "")

    third = a_tracker(committed=offset, metadata=metadata)
    assert offset == 7
    assert [number for number in range(7, 14) if third.admit(number)] == [7, 9, 11, 12, 13]


def test_what_the_earlier_map_has_as_finished_stays_finished_when_nothing_else_is_left() -> None:
    first = a_tracker(*range(5, 10))
    for offset in (6, 7, 8, 9):
        first.finish(offset)
    second = a_tracker(5, committed=5, metadata=(first.commit() or Commit(0, "")).metadata)

    second.finish(5)

    assert second.commit() == Commit(10, "")


def test_a_foreign_map_means_that_everything_is_performed() -> None:
    tracker = a_tracker(committed=5, metadata="someone else's words")

    assert [number for number in range(5, 9) if tracker.admit(number)] == [5, 6, 7, 8]


def test_what_was_committed_is_not_committed_again() -> None:
    tracker = a_tracker(5)
    tracker.finish(5)

    tracker.committed(Commit(6, ""))

    assert tracker.commit() is None


def test_a_commit_that_failed_is_asked_for_again() -> None:
    tracker = a_tracker(5)
    tracker.finish(5)

    assert tracker.commit() == Commit(6, "")
    assert tracker.commit() == Commit(6, "")


def test_nothing_is_started_of_a_partition_that_was_taken_away() -> None:
    tracker = a_tracker(5)
    tracker.revoke()

    assert not tracker.start(5)
    assert tracker.in_flight == set()


def test_what_led_to_messages_asks_for_a_commit_soon_until_one_is_made() -> None:
    tracker = a_tracker(5, 6)

    tracker.finish(5)
    before = tracker.commit_soon
    tracker.finish(6, commit_soon=True)
    asked = tracker.commit_soon
    tracker.commit_asked()

    assert (before, asked, tracker.commit_soon) == (False, True, False)


def test_what_is_in_flight_from_an_earlier_ownership_asks_for_a_commit_where_it_counts() -> None:
    former, again = a_tracker(5), OffsetTracker("jobs.low", 0)
    former.start(5)
    again.begin(Committed.read(5, ""), former)

    former.finish(5, commit_soon=True)

    assert again.commit_soon


def test_offsets_that_went_back_are_remembered() -> None:
    tracker = a_tracker(5, 6)
    before = tracker.went_back

    with pytest.raises(TreadleError):
        tracker.admit(5)

    assert (before, tracker.went_back) == (False, True)


def test_admission_ends_before_the_map_could_outgrow_a_commit() -> None:
    tracker = a_tracker()
    offset = 0
    while tracker.has_room:
        tracker.admit(offset)
        offset += 1
        if offset % 1000 == 0:
            tracker.commit()

    for number in range(1, offset):  # the worst there is: every second one
        if number % 2:
            tracker.finish(number)
    commit = tracker.commit()

    assert offset > 20_000
    assert commit is not None
    assert len(commit.metadata) <= encoding.LIMIT


def test_a_fetch_of_more_than_admission_foresaw_is_performed_again_rather_than_lost() -> None:
    tracker = a_tracker()
    for number in range(encoding.SAFE_COUNT):  # far apart, and none of them finished
        for offset in range(number * 200, number * 200 + 200):
            tracker.admit(offset)
            if offset % 200:
                tracker.finish(offset)
    tracker.commit()
    last = encoding.SAFE_COUNT * 200
    assert tracker.has_room

    for offset in range(last, last + 2_000):  # one fetch
        tracker.admit(offset)
    tracker.finish(last + 1_999)
    commit = tracker.commit()

    assert commit is not None
    known = encoding.decode(*commit)
    assert len(commit.metadata) <= encoding.LIMIT
    assert known is not None
    assert known.is_finished(201)
    assert not any(known.is_finished(number * 200) for number in range(encoding.SAFE_COUNT))
    assert not known.is_finished(last + 1)


def test_one_slow_job_holds_up_no_other() -> None:
    tracker = a_tracker(0)
    for offset in range(1, 200_000):
        assert tracker.has_room
        tracker.admit(offset)
        tracker.finish(offset)
        if offset % 5000 == 0:
            tracker.commit()

    commit = tracker.commit()

    assert commit is not None
    assert commit.offset == 0
    assert len(commit.metadata) < 30


@given(offsets=st.sets(st.integers(0, 10_000), min_size=1), order=st.integers())
def test_when_all_are_finished_the_commit_is_at_the_end(offsets: set[int], order: int) -> None:
    rising = sorted(offsets)
    tracker = a_tracker(*rising)
    shuffled = list(rising)
    random.Random(order).shuffle(shuffled)

    for offset in shuffled:
        tracker.start(offset)
        tracker.finish(offset)

    assert tracker.commit() == Commit(rising[-1] + 1, "")
    assert (tracker.incomplete, tracker.in_flight) == (0, set())
