"""Any life of a partition: nothing is lost, and nothing that a commit held is performed again."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumers import offset_map
from consumers.offsets import Commit, OffsetTracker
from consumers.partitions import Partitions


class AnyLife(RuleBasedStateMachine):
    """A partition's life: jobs come with gaps and finish in any order, commits work or fail, processes crash and
    take over, partitions leave and come back."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[int] = []  # what lies in the partition
        self.kafka = Commit(0, "")
        self.held: set[int] = set()  # finished, and said so by a commit that Kafka took
        self.finished: set[int] = set()
        self.partitions = Partitions("jobs.low")
        self.open()

    def open(self) -> None:
        """The partition is assigned: from the committed offset on, everything is fetched again."""
        self.partitions.begin(0, self.kafka.offset, self.kafka.metadata)
        self.at = 0
        while self.at < len(self.log) and self.log[self.at] < self.kafka.offset:
            self.at += 1
        self.waiting: list[int] = []
        self.running: dict[int, OffsetTracker] = dict(getattr(self, "running", {}))

    @property
    def tracker(self) -> OffsetTracker:
        return self.partitions.trackers[0]

    @rule(gap=st.integers(0, 3), count=st.integers(1, 6))
    def enqueue(self, gap: int, count: int) -> None:
        start = (self.log[-1] + 1 if self.log else 0) + gap
        self.log += range(start, start + count)

    @precondition(lambda self: self.at < len(self.log))
    @rule(count=st.integers(1, 6))
    def fetch(self, count: int) -> None:
        self.take(count)

    def take(self, count: int) -> None:
        for offset in self.log[self.at : self.at + count]:
            if self.tracker.admit(offset):
                assert offset not in self.held, "performed again although a commit said it is finished"
                self.waiting.append(offset)
        self.at = min(len(self.log), self.at + count)

    @precondition(lambda self: self.waiting)
    @rule(count=st.integers(1, 4))
    def start(self, count: int) -> None:
        for _ in range(min(count, len(self.waiting))):
            offset = self.waiting.pop(0)
            assert offset not in self.running, "two attempts of one job at once"
            assert self.tracker.start(offset)
            self.running[offset] = self.tracker

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        for offset in data.draw(st.sets(st.sampled_from(sorted(self.running)), min_size=1)):
            self.running.pop(offset).finish(offset)
            self.finished.add(offset)

    @rule(arrives=st.booleans())
    def commits(self, arrives: bool) -> None:
        self.commit(arrives)

    def commit(self, arrives: bool) -> None:
        commit = self.tracker.commit()
        if commit is None or not arrives:
            return  # one that is lost on the way is asked for again
        self.kafka = commit
        known = offset_map.decode(*commit)
        for offset in self.finished:
            if offset < commit.offset or (known is not None and known.is_finished(offset)):
                self.held.add(offset)
        self.tracker.committed(commit)

    @precondition(lambda self: self.finished)
    @rule(refetched=st.integers(0, 2))
    def rebalance_there_and_back(self, refetched: int) -> None:
        self.partitions.take_away([0])
        self.open()
        self.take(refetched)

    @precondition(lambda self: self.finished)
    @rule(refetched=st.integers(0, 2), after_a_commit=st.booleans())
    def crash(self, refetched: int, after_a_commit: bool) -> None:
        if after_a_commit:
            self.commit(arrives=True)
        self.partitions = Partitions("jobs.low")
        self.running = {}
        self.open()
        self.take(refetched)

    @invariant()
    def nothing_is_lost(self) -> None:
        known = offset_map.decode(*self.kafka)
        for offset in self.log:
            if offset not in self.finished:
                assert offset >= self.kafka.offset
                assert known is None or not known.is_finished(offset)


AnyLife.TestCase.settings = settings(max_examples=600, stateful_step_count=40, deadline=None)
TestAnyLife = AnyLife.TestCase
