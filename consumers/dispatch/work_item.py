"""A work item is a message from the moment this process fetches it until it is finished."""

from __future__ import annotations

from typing import Protocol

from consumers.offsets.tracker import OffsetTracker
from streams.message import Received


class _Turn(Protocol):
    def over(self) -> None: ...


class WorkItem:
    """A message, the tracker that it reports to, and its turn in the order of its key, if it has one."""

    __slots__ = ("received", "tracker", "turn")

    deaths = 0
    """How many processes in a row may have died of it."""

    def __init__(self, received: Received, tracker: OffsetTracker) -> None:
        self.received = received
        self.tracker = tracker
        self.turn: _Turn | None = None

    def start(self) -> bool:
        """Mark it as in flight. False when its partition was taken away."""
        return self.tracker.start(self.received.offset)

    def drop(self) -> None:
        """Give it up, because its partition was taken away. Its key no longer waits for it."""
        if self.turn is not None:
            self.turn.over()

    def finish(self, *, commit_soon: bool = False) -> None:
        """Everything it led to is in Kafka: complete its offset, and let the next of its key start.

        `commit_soon`: it led to messages, and performed again would send them a second time.
        """
        self.tracker.finish(self.received.offset, commit_soon=commit_soon)
        if self.turn is not None:
            self.turn.over()


class Suspect(WorkItem):
    """A job that may have crashed processes: it is performed in a child process."""

    __slots__ = ("deaths",)

    def __init__(self, received: Received, tracker: OffsetTracker, deaths: int) -> None:
        super().__init__(received, tracker)
        self.deaths = deaths
