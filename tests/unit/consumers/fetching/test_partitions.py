"""The partitions of a topic that a process owns: what is begun, given up, and begun again."""

from __future__ import annotations

from consumers.fetching.partitions import Partitions
from consumers.offsets.commit import Commit, Committed


def test_a_job_in_flight_is_not_started_again_when_its_partition_comes_back() -> None:
    partitions = Partitions("jobs.low")
    before = partitions.begin(0, Committed.read(5, ""))
    for offset in (5, 6, 7):
        before.admit(offset)
    before.start(5)
    before.start(6)
    partitions.take_away([0])
    before.finish(6)  # between the one owner and the other
    again = partitions.begin(0, Committed.read(5, ""))

    performed = [offset for offset in (5, 6, 7, 8) if again.admit(offset)]
    before.finish(5)
    again.finish(7)

    assert performed == [7, 8]
    assert again.commit() == Commit(8, "")


def test_a_partition_that_was_given_up_is_revoked_and_its_jobs_in_flight_still_count() -> None:
    partitions = Partitions("jobs.low")
    tracker = partitions.begin(0)
    tracker.admit(5)
    tracker.start(5)

    leaving = partitions.take_away([0, 1])

    assert leaving == [tracker]
    assert tracker.revoked
    assert (partitions.trackers, partitions.in_flight) == ({}, 1)
    assert partitions.comes_back(0)


def test_a_partition_without_jobs_in_flight_is_forgotten_when_it_is_given_up() -> None:
    partitions = Partitions("jobs.low")
    partitions.begin(0)

    partitions.take_away([0])

    assert not partitions.comes_back(0)
