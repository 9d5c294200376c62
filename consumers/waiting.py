"""The jobs of the tiers that a retries process has in its hands, until each goes on. Pure: knows no Kafka client.

Of each partition the foremost jobs stand in a line; since all of a partition wait equally long, only the first of a
line has to be looked at. What is due within about a second waits on a heap, to go home at its very moment. Both
are bounded: a partition whose line is full is not fetched from for a while, and a full heap holds up the lines.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from consumers.offsets import OffsetTracker
from streams.message import Message, Received
from streams.tiers import HOLD, Place, Tiers, due_of

At = tuple[str, int]
"""A topic and a partition of it."""

_CLOCKS_DIFFER = 60_000
"""Milliseconds by which a broker's clock may be behind ours before jobs are moved more often than needed."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Received).decode


class Held(NamedTuple):
    """A job in our hands; `go_at` and `due` are epoch milliseconds. Sorts by the moment at which it goes on.

    The message is packed: its headers as Python has them would take several times as much memory.
    """

    go_at: int
    number: int
    due: int
    packed: bytes
    tracker: OffsetTracker

    @property
    def size(self) -> int:
        """Bytes, about."""
        return 300 + len(self.packed)


class Release(NamedTuple):
    """A job that goes on now: to the next tier, or home when `place` is None."""

    came: Received
    due: int
    place: Place | None
    tracker: OffsetTracker


@dataclass(frozen=True)
class Room:
    """How much may be in our hands: so many bytes on the heap, and in all lines together."""

    heap: int = 20 * 1024 * 1024
    lines: int = 8 * 1024 * 1024


class _Line:
    __slots__ = ("jobs", "size")

    def __init__(self) -> None:
        self.jobs: deque[Held] = deque()
        self.size = 0


class Waiting:
    """See above. One thread uses it. All moments are epoch milliseconds."""

    def __init__(self, tiers: Tiers, room: Room | None = None) -> None:
        self._tiers = tiers
        self._room = room or Room()
        self._lines: dict[At, _Line] = {}
        self._heap: list[Held] = []
        self._heap_size = 0
        self._full: set[At] = set()
        self._count = 0

    def admit(self, received: Received, tracker: OffsetTracker, now: int) -> None:
        """Take this one in."""
        self._count += 1
        due = (
            due_of(received.headers) or 0
        )  # without one that can be read it goes home, to be looked at there
        if due - now < HOLD:
            held = Held(due, self._count, due, _pack(received), tracker)
            if self._heap_has_room:
                self._hold(held)
                return
            held = held._replace(go_at=now)
        else:
            held = Held(self._go_at(received, due, now), self._count, due, _pack(received), tracker)
        line = self._lines.setdefault((received.topic, received.partition), _Line())
        line.jobs.append(held)
        line.size += held.size

    def release(self, now: int, most: int) -> list[Release]:
        """Whatever goes on now, at most so many. What comes from partitions that were taken away is dropped."""
        released: list[tuple[Held, Place | None]] = []
        while self._heap and self._heap[0].go_at <= now and len(released) < most:
            held = heapq.heappop(self._heap)
            self._heap_size -= held.size
            released.append((held, None))
        for at, line in list(self._lines.items()):
            while line.jobs and line.jobs[0].go_at <= now and len(released) < most:
                place = self._tiers.place(line.jobs[0].due - now)
                if place is None and line.jobs[0].due > now and not self._heap_has_room:
                    break
                held = line.jobs.popleft()
                line.size -= held.size
                if place is None and held.due > now:
                    self._hold(held._replace(go_at=held.due))
                else:
                    released.append((held, place))
            # What was served goes to the end, so that no line has to stand back for ever.
            self._lines[at] = self._lines.pop(at)
        return [
            Release(_unpack(held.packed), held.due, place, held.tracker)
            for held, place in released
            if not held.tracker.revoked
        ]

    def next_at(self) -> int | None:
        """The moment at which the next goes on; None when there is nothing. It may be past."""
        moments = [self._heap[0].go_at] if self._heap else []
        if self._heap_has_room:
            moments += [line.jobs[0].go_at for line in self._lines.values() if line.jobs]
        return min(moments, default=None)

    def full(self) -> set[At]:
        """Partitions of which nothing more is to be fetched for now."""
        free = self._room.lines - sum(line.size for line in self._lines.values())
        # A line may be the longer, the more room the others leave.
        most = max(free // 4, self._room.lines // 256)
        for at, line in self._lines.items():
            if line.size >= most:
                self._full.add(at)
            elif line.size <= most // 2:
                self._full.discard(at)
        return set(self._full)

    def forget(self, trackers: Iterable[OffsetTracker]) -> None:
        """Their partitions belong to somebody else from now on."""
        for tracker in trackers:
            self._lines.pop((tracker.topic, tracker.partition), None)
            self._full.discard((tracker.topic, tracker.partition))

    def __len__(self) -> int:
        """How many jobs are in our hands."""
        return len(self._heap) + sum(len(line.jobs) for line in list(self._lines.values()))

    def _go_at(self, received: Received, due: int, now: int) -> int:
        """When its wait is over, which counts from when the broker had it.

        A broker's clock may differ from ours. Is it ahead, messages come to us from the future, and we count from now.
        Is it behind, waits seem to be over too soon, and jobs would be sent round and round: that more of the wait is
        left than its tier leaves gives it away, and we make up for it.
        """
        tier = self._tiers.by_topic[received.topic]
        wait = tier.wait(received.partition)
        over = min(received.timestamp, now) + wait
        if tier.is_largest:  # it leaves any amount
            return over
        return max(over, min(due - tier.most_left, now + wait, over + _CLOCKS_DIFFER))

    @property
    def _heap_has_room(self) -> bool:
        return self._heap_size < self._room.heap

    def _hold(self, held: Held) -> None:
        heapq.heappush(self._heap, held)
        self._heap_size += held.size


def onward(release: Release, tiers: Tiers, home: str) -> Message:
    """The message with which a job goes on: as it came, to its place or to this home topic."""
    came = release.came
    message = Message(home, came.key, came.value, came.headers)
    return tiers.moved(message, release.place) if release.place else message
