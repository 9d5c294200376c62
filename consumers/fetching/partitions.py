"""The partitions of a topic that this process owns. Knows nothing of Kafka clients."""

from __future__ import annotations

from collections.abc import Iterable

from consumers.offsets.commit import NOTHING_COMMITTED, Commit, Committed
from consumers.offsets.tracker import OffsetTracker


class Partitions:
    """A tracker for each partition of one topic. The fetcher's thread changes them; others may read them."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.trackers: dict[int, OffsetTracker] = {}
        self._former: dict[int, OffsetTracker] = {}

    def begin(
        self, partition: int, committed: Committed = NOTHING_COMMITTED, end: int | None = None
    ) -> OffsetTracker:
        """Own a partition from now on, starting from what was committed. `end` is its high watermark, if known."""
        tracker = OffsetTracker(self.topic, partition)
        tracker.begin(committed, self._former.pop(partition, None), end)
        self.trackers[partition] = tracker
        return tracker

    def comes_back(self, partition: int) -> bool:
        """Whether jobs of it are still in flight here from an earlier ownership."""
        return partition in self._former

    def take_away(self, partitions: Iterable[int]) -> list[OffsetTracker]:
        """Give up these partitions: nothing more of them is started. Returns their trackers."""
        leaving = [self.trackers.pop(partition) for partition in partitions if partition in self.trackers]
        for tracker in leaving:
            tracker.revoke()
            if tracker.in_flight:  # not to be started a second time if the partition comes back
                self._former[tracker.partition] = tracker
        return leaving

    def committed(self, partition: int, commit: Commit) -> None:
        """Record that Kafka has accepted this commit."""
        tracker = self.trackers.get(partition)
        if tracker is not None:
            tracker.committed(commit)

    @property
    def full(self) -> set[int]:
        """Partitions from which nothing more may be admitted for now: their map could outgrow a commit."""
        return {partition for partition, tracker in self.trackers.items() if not tracker.has_room}

    @property
    def idle(self) -> bool:
        """Whether everything that was admitted is finished."""
        return not any(tracker.incomplete for tracker in self.trackers.values())

    @property
    def in_flight(self) -> int:
        """How many jobs are in flight, including those of partitions no longer owned."""
        trackers = [*list(self.trackers.values()), *list(self._former.values())]
        return sum(len(tracker.in_flight) for tracker in trackers)
