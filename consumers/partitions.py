"""The partitions of a topic that this process has. Knows no Kafka client."""

from __future__ import annotations

from collections.abc import Iterable

from consumers.offsets import Commit, OffsetTracker


class Partitions:
    """A tracker for each partition of one topic. The intake's thread changes them; others may look."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.trackers: dict[int, OffsetTracker] = {}
        self._former: dict[int, OffsetTracker] = {}

    def begin(
        self, partition: int, committed: int | None, metadata: str | None, end: int | None = None
    ) -> None:
        """A partition is ours from now on, committed so far (None: never), and ends there, if that is known."""
        tracker = OffsetTracker(self.topic, partition)
        tracker.begin(committed, metadata, self._former.pop(partition, None), end)
        self.trackers[partition] = tracker

    def comes_back(self, partition: int) -> bool:
        """Whether jobs of it are at work here from a time before."""
        return partition in self._former

    def take_away(self, partitions: Iterable[int]) -> list[OffsetTracker]:
        """These are no longer ours: nothing of them is started any more. Their trackers."""
        leaving = [self.trackers.pop(partition) for partition in partitions if partition in self.trackers]
        for tracker in leaving:
            tracker.revoked = True
            if tracker.running:  # should it come back, these are not to be started a second time
                self._former[tracker.partition] = tracker
        return leaving

    def committed(self, partition: int, commit: Commit) -> None:
        """Kafka has taken this commit."""
        tracker = self.trackers.get(partition)
        if tracker is not None:
            tracker.committed(commit)

    @property
    def full(self) -> set[int]:
        """Partitions of which no more may be admitted for now: their map could outgrow a commit."""
        return {partition for partition, tracker in self.trackers.items() if not tracker.has_room}

    @property
    def idle(self) -> bool:
        """Whether nothing that was admitted is unfinished."""
        return not any(tracker.unfinished for tracker in self.trackers.values())

    @property
    def running(self) -> int:
        """How many jobs are at work, also of partitions that are no longer ours."""
        trackers = [*list(self.trackers.values()), *list(self._former.values())]
        return sum(len(tracker.running) for tracker in trackers)
