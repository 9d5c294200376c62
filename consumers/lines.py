"""Order by key: of the jobs of one key one is at work at a time, in the order of their offsets.

The first of a key goes into its lane; those behind it wait in the key's line, out of everybody's way, and each
lets the next go when it is finished. Lines of different keys know nothing of each other.
"""

from __future__ import annotations

import threading
from collections import deque

from consumers.lanes import Lanes
from consumers.parcel import Parcel
from streams.job import Queue

Place = tuple[int, bytes]
"""Partition and key: one key lies in one partition, which is where its order comes from."""


class Lines:
    """The lines of one queue's keys. Safe for many threads."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._lines: dict[Place, deque[tuple[Parcel, Lanes]]] = {}
        self._count = 0
        self._lock = threading.Lock()

    def may_go(self, parcel: Parcel, key: bytes, lanes: Lanes) -> bool:
        """Whether the parcel is the first of its key; if not, it goes into `lanes` when its turn has come."""
        place = (parcel.received.partition, key)
        parcel.line = _Line(self, place)
        with self._lock:
            line = self._lines.get(place)
            if line is None:
                self._lines[place] = deque()
                return True
            line.append((parcel, lanes))
            self._count += 1
            return False

    @property
    def waiting(self) -> int:
        """How many parcels wait for the one before them."""
        return self._count

    def advance(self, place: Place) -> None:
        """The parcel at work is finished: let the next of its key go, or end the line."""
        with self._lock:
            line = self._lines[place]
            while line:
                parcel, lanes = line.popleft()
                self._count -= 1
                if not parcel.tracker.revoked:  # else its partition was taken away while it waited
                    lanes.put_first(self._queue, parcel)
                    return
            del self._lines[place]


class _Line:
    __slots__ = ("_lines", "_place")

    def __init__(self, lines: Lines, place: Place) -> None:
        self._lines = lines
        self._place = place

    def next(self) -> None:
        self._lines.advance(self._place)
