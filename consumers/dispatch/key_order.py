"""Order by key: jobs of one key are performed one at a time, in the order of their offsets.

The first of a key is ready right away; those behind it wait here, out of everyone else's way, and each releases the
next when it finishes. Different keys are independent of each other.
"""

from __future__ import annotations

import threading
from collections import deque

from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from streams.job import Queue

KeyInPartition = tuple[int, bytes]
"""Partition and key: all jobs of one key are in one partition, which gives them their order."""


class KeyOrder:
    """The order of one queue's keys. Safe for many threads."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._behind: dict[KeyInPartition, deque[tuple[WorkItem, ReadyQueue]]] = {}
        self._waiting = 0
        self._lock = threading.Lock()

    def may_go(self, item: WorkItem, key: bytes, ready: ReadyQueue) -> bool:
        """Whether the item is the first of its key; if not, it is put into `ready` when its turn comes."""
        in_partition = (item.received.partition, key)
        item.turn = _Turn(self, in_partition)
        with self._lock:
            behind = self._behind.get(in_partition)
            if behind is None:
                self._behind[in_partition] = deque()
                return True
            behind.append((item, ready))
            self._waiting += 1
            return False

    @property
    def waiting(self) -> int:
        """How many items wait for the one before them."""
        return self._waiting

    def advance(self, key: KeyInPartition) -> None:
        """The item in flight is finished: release the next of its key, or forget the key."""
        with self._lock:
            behind = self._behind[key]
            while behind:
                item, ready = behind.popleft()
                self._waiting -= 1
                if not item.tracker.revoked:  # otherwise its partition was taken away while it waited
                    ready.put_first(self._queue, item)
                    return
            del self._behind[key]


class _Turn:
    __slots__ = ("_key", "_order")

    def __init__(self, order: KeyOrder, key: KeyInPartition) -> None:
        self._order = order
        self._key = key

    def over(self) -> None:
        self._order.advance(self._key)
