"""The jobs of the tiers that a retries process holds, until each moves on. Pure: knows nothing of Kafka clients.

The first jobs of each partition are held in order; since all jobs of a partition wait equally long, only the first
has to be checked. What is due within about a second waits on a heap, to return to its queue exactly on time. Both are
bounded: a partition of which too much is held is not fetched from for a while, and a full heap holds up partitions.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from consumers.offsets.tracker import OffsetTracker
from streams.headers import due_of
from streams.message import Message, Received
from streams.tiers import HOLD, Hop, Tiers

TierPartition = tuple[str, int]
"""A tier's topic, and a partition of it."""

_CLOCKS_DIFFER = 60_000
"""Milliseconds by which a broker's clock may be behind ours before jobs are moved more often than needed."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Received).decode


class Held(NamedTuple):
    """A job that is held. It moves on at `go_at`, by which it sorts; `go_at` and `due` are in epoch milliseconds.

    The message is packed: as Python objects its headers would take several times as much memory.
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
    """A job that moves on now: to the next tier, or to its queue when `hop` is None."""

    received: Received
    due: int
    hop: Hop | None
    tracker: OffsetTracker


@dataclass(frozen=True)
class Room:
    """How many bytes may be held: on the heap, and in all partitions together."""

    heap: int = 20 * 1024 * 1024
    partitions: int = 8 * 1024 * 1024


class _Partition:
    __slots__ = ("jobs", "size")

    def __init__(self) -> None:
        self.jobs: deque[Held] = deque()
        self.size = 0


class WaitList:
    """The jobs held. One thread uses it. All moments are in epoch milliseconds."""

    def __init__(self, tiers: Tiers, room: Room | None = None) -> None:
        self._tiers = tiers
        self._room = room or Room()
        self._partitions: dict[TierPartition, _Partition] = {}
        self._heap: list[Held] = []
        self._heap_size = 0
        self._full: set[TierPartition] = set()
        self._count = 0

    def admit(self, received: Received, tracker: OffsetTracker, now: int) -> None:
        """Hold this job until it moves on."""
        self._count += 1
        due = due_of(received.headers) or 0  # without one it returns to its queue right away
        if due - now < HOLD:
            held = Held(due, self._count, due, _pack(received), tracker)
            if self._heap_has_room:
                self._hold(held)
                return
            held = held._replace(go_at=now)
        else:
            held = Held(self._go_at(received, due, now), self._count, due, _pack(received), tracker)
        partition = self._partitions.setdefault((received.topic, received.partition), _Partition())
        partition.jobs.append(held)
        partition.size += held.size

    def release(self, now: int, most: int) -> list[Release]:
        """Up to `most` jobs that move on now. Those of partitions that were taken away are dropped."""
        released: list[tuple[Held, Hop | None]] = []
        while self._heap and self._heap[0].go_at <= now and len(released) < most:
            held = heapq.heappop(self._heap)
            self._heap_size -= held.size
            released.append((held, None))
        for at, partition in list(self._partitions.items()):
            while partition.jobs and partition.jobs[0].go_at <= now and len(released) < most:
                hop = self._tiers.next_hop(partition.jobs[0].due - now)
                if hop is None and partition.jobs[0].due > now and not self._heap_has_room:
                    break
                held = partition.jobs.popleft()
                partition.size -= held.size
                if hop is None and held.due > now:
                    self._hold(held._replace(go_at=held.due))
                else:
                    released.append((held, hop))
            # A partition that was served goes to the end, so that none has to wait forever.
            self._partitions[at] = self._partitions.pop(at)
        return [
            Release(_unpack(held.packed), held.due, hop, held.tracker)
            for held, hop in released
            if not held.tracker.revoked
        ]

    def next_at(self) -> int | None:
        """The moment at which the next job moves on; None when there is none. It may be in the past."""
        moments = [self._heap[0].go_at] if self._heap else []
        if self._heap_has_room:
            moments += [partition.jobs[0].go_at for partition in self._partitions.values() if partition.jobs]
        return min(moments, default=None)

    def full(self) -> set[TierPartition]:
        """Partitions from which nothing more should be fetched for now."""
        free = self._room.partitions - sum(partition.size for partition in self._partitions.values())
        # The more room the others leave, the more of a partition may be held.
        most = max(free // 4, self._room.partitions // 256)
        for at, partition in self._partitions.items():
            if partition.size >= most:
                self._full.add(at)
            elif partition.size <= most // 2:
                self._full.discard(at)
        return set(self._full)

    def forget(self, trackers: Iterable[OffsetTracker]) -> None:
        """Drop the jobs of these partitions, which now belong to other processes."""
        for tracker in trackers:
            self._partitions.pop((tracker.topic, tracker.partition), None)
            self._full.discard((tracker.topic, tracker.partition))

    def __len__(self) -> int:
        """How many jobs are held."""
        return len(self._heap) + sum(len(partition.jobs) for partition in list(self._partitions.values()))

    def _go_at(self, received: Received, due: int, now: int) -> int:
        """When its wait in its tier is over, counted from when the broker received it.

        A broker's clock may differ from ours. If it is ahead, messages seem to be from the future, and the wait counts
        from now. If it is behind, waits seem to be over too soon, and jobs would circle through the tiers. That shows
        when more of the wait is left than the tier leaves, and the wait is extended to make up for it.
        """
        tier = self._tiers.by_topic[received.topic]
        wait = tier.wait(received.partition)
        over = min(received.timestamp, now) + wait
        if tier.is_largest:  # it may leave any amount
            return over
        return max(over, min(due - tier.most_left, now + wait, over + _CLOCKS_DIFFER))

    @property
    def _heap_has_room(self) -> bool:
        return self._heap_size < self._room.heap

    def _hold(self, held: Held) -> None:
        heapq.heappush(self._heap, held)
        self._heap_size += held.size


def onward(release: Release, tiers: Tiers, home: str) -> Message:
    """The message that moves a job on: unchanged, to its next tier or to `home`, the topic of its home queue."""
    received = release.received
    message = Message(home, received.key, received.value, received.headers)
    return tiers.moved(message, release.hop) if release.hop else message
