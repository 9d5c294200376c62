"""Whole lives of a partition: whatever happens, no job is lost, and nothing that a commit holds is repeated."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumers.fetching.partitions import Partitions
from consumers.offsets import encoding
from consumers.offsets.commit import Commit, Committed
from consumers.offsets.ownership import split
from consumers.offsets.tracker import OffsetTracker


def known_of(commit: Commit) -> encoding.OffsetMap | None:
    return encoding.decode(commit.offset, split(commit.metadata)[1])


@given(seed=st.integers(), length=st.integers(1, 40), owners=st.integers(2, 6))
def test_no_owner_in_a_row_calls_a_job_finished_that_is_not(seed: int, length: int, owners: int) -> None:
    chance = random.Random(seed)
    kafka, finished = Commit(0, ""), set[int]()

    for _ in range(owners):
        tracker = OffsetTracker("jobs.low", 0)
        tracker.begin(Committed.read(*kafka))
        tracker.take_over(None)
        fetched_to, open_here = kafka.offset, list[int]()
        # It fetches some, finishes some, commits, and is killed at some point.
        for _ in range(chance.randint(1, 4)):
            until = min(length, fetched_to + chance.randint(0, length))
            open_here += [offset for offset in range(fetched_to, until) if tracker.admit(offset)]
            fetched_to = until
            for offset in chance.sample(open_here, chance.randint(0, len(open_here))):
                open_here.remove(offset)
                tracker.finish(offset)
                finished.add(offset)
            kafka = tracker.commit() or kafka
            tracker.committed(kafka)

            known = known_of(kafka)
            said = {n for n in range(length) if n < kafka.offset or (known and known.is_finished(n))}
            assert said <= finished


class AnyLife(RuleBasedStateMachine):
    """Jobs arrive with gaps and finish in any order, commits succeed or fail, processes crash and others take over,
    partitions leave and come back."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[int] = []  # the offsets in the partition
        self.kafka = Commit(0, "")
        self.held: set[int] = set()  # finished, by a commit that Kafka accepted
        self.finished: set[int] = set()
        self.partitions = Partitions("jobs.low")
        self.asked: tuple[Commit, set[int]] | None = None
        self.open()

    def open(self) -> None:
        """The partition is assigned: from the committed offset on, everything is fetched again."""
        self.partitions.begin(0, Committed.read(*self.kafka))
        self.tracker.take_over(None)
        self.at = 0
        while self.at < len(self.log) and self.log[self.at] < self.kafka.offset:
            self.at += 1
        self.waiting: list[int] = []
        self.in_flight: dict[int, OffsetTracker] = dict(getattr(self, "in_flight", {}))
        self.asked = None

    @property
    def tracker(self) -> OffsetTracker:
        return self.partitions.trackers[0]

    @initialize(count=st.integers(5, 20))
    def begin_with_some(self, count: int) -> None:
        self.log += range(count)

    @rule(gap=st.integers(0, 3), count=st.integers(1, 6))
    def enqueue(self, gap: int, count: int) -> None:
        start = (self.log[-1] + 1 if self.log else 0) + gap
        self.log += range(start, start + count)

    @precondition(lambda self: self.at < len(self.log))
    @rule(count=st.integers(1, 6))
    def fetch(self, count: int) -> None:
        for offset in self.log[self.at : self.at + count]:
            if self.tracker.admit(offset):
                assert offset not in self.held, "performed again although a commit said it is finished"
                self.waiting.append(offset)
        self.at = min(len(self.log), self.at + count)

    @precondition(lambda self: self.waiting)
    @rule(count=st.integers(1, 6))
    def start(self, count: int) -> None:
        starting, self.waiting = self.waiting[:count], self.waiting[count:]
        for offset in starting:
            assert offset not in self.in_flight, "two attempts of one job are in flight"
            assert self.tracker.start(offset)
            self.in_flight[offset] = self.tracker

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        for offset in data.draw(st.sets(st.sampled_from(sorted(self.in_flight)), min_size=1, max_size=4)):
            self.in_flight.pop(offset).finish(offset)
            self.finished.add(offset)

    @rule()
    def ask(self) -> None:
        commit = self.tracker.commit()
        if commit is not None:
            self.asked = (commit, set(self.finished))

    @precondition(lambda self: self.asked is not None)
    @rule()
    def commit_arrives(self) -> None:
        assert self.asked is not None
        self.kafka, done = self.asked
        known = known_of(self.kafka)
        said = {
            offset for offset in done if offset < self.kafka.offset or (known and known.is_finished(offset))
        }
        self.held |= said
        self.tracker.committed(self.kafka)
        self.asked = None

    @rule()
    def commit(self) -> None:
        """Ask, and have it arrive immediately."""
        self.ask()
        if self.asked is not None:
            self.commit_arrives()

    @rule()
    def rebalance_there_and_back(self) -> None:
        self.partitions.take_away([0])
        self.open()

    @rule()
    def crash(self) -> None:
        self.partitions = Partitions("jobs.low")
        self.in_flight = {}
        self.open()

    @invariant()
    def nothing_is_lost(self) -> None:
        known = known_of(self.kafka)
        for offset in self.log:
            if offset not in self.finished:
                assert offset >= self.kafka.offset
                assert known is None or not known.is_finished(offset)


AnyLife.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestAnyLife = AnyLife.TestCase
