"""A parcel is a message in this process's hands, from the intake until it is finished."""

from __future__ import annotations

from typing import Protocol

from consumers.offsets import OffsetTracker
from streams.message import Received


class _Line(Protocol):
    def next(self) -> None: ...


class Parcel:
    """A message, the tracker that hears when it is finished, and the line of its key if its kind keeps order."""

    __slots__ = ("line", "received", "tracker")

    deaths = 0
    """How many processes in a row may have died of it."""

    def __init__(self, received: Received, tracker: OffsetTracker) -> None:
        self.received = received
        self.tracker = tracker
        self.line: _Line | None = None

    def start(self) -> bool:
        """It is being worked on from now on; False when its partition was taken away."""
        return self.tracker.start(self.received.offset)

    def drop(self) -> None:
        """It is not performed here, because its partition was taken away. Its key waits for it no longer."""
        if self.line is not None:
            self.line.next()

    def finish(self, *, led_on: bool = False) -> None:
        """Everything it led to is in Kafka, if it led to anything. The next of its key may start."""
        self.tracker.finish(self.received.offset)
        if led_on:
            self.tracker.hurry = True
        if self.line is not None:
            self.line.next()


class Suspect(Parcel):
    """One of those that may have taken processes down: it is performed in a child process."""

    __slots__ = ("deaths",)

    def __init__(self, received: Received, tracker: OffsetTracker, deaths: int) -> None:
        super().__init__(received, tracker)
        self.deaths = deaths
