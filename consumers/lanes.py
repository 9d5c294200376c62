"""Where deliveries wait for a free slot: a lane per queue, emptied by the weights of the queues."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from consumers.offsets import OffsetTracker
from consumers.picker import Picker
from streams.job import Queue
from streams.message import Received


class Delivery(NamedTuple):
    """A message in this process's hands, and the tracker that is told when it is finished."""

    received: Received
    tracker: OffsetTracker


class Lanes:
    """Lanes of all queues of a process. Safe for many threads; a waiting `take` costs nothing."""

    def __init__(self, weights: Mapping[Queue, int]) -> None:
        self._lanes: dict[Queue, deque[Delivery]] = {queue: deque() for queue in weights}
        self._picker = Picker(weights)
        self._changed = threading.Condition()
        self._closed = False

    def put(self, queue: Queue, deliveries: Sequence[Delivery]) -> None:
        """Let these wait in the queue's lane, and wake as many slots."""
        with self._changed:
            self._lanes[queue].extend(deliveries)
            self._changed.notify(len(deliveries))

    def take(self) -> Delivery | None:
        """The next delivery, waiting for one. None when the lanes are closed.

        Deliveries of a partition that was taken away meanwhile are dropped: another process has them.
        """
        with self._changed:
            while not self._closed:
                ready = [queue for queue, lane in self._lanes.items() if lane]
                if not ready:
                    self._changed.wait()
                    continue
                delivery = self._lanes[self._picker.pick(ready)].popleft()
                if not delivery.tracker.revoked:
                    # Marked under the lock, so that whoever revokes sees it either waiting or running.
                    delivery.tracker.start(delivery.received.offset)
                    return delivery
            return None

    def waiting(self, queue: Queue) -> int:
        """How many deliveries wait in a queue's lane."""
        return len(self._lanes[queue])

    def revoke(self, trackers: Sequence[OffsetTracker]) -> None:
        """From here on nothing of these partitions is started."""
        with self._changed:
            for tracker in trackers:
                tracker.revoked = True

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
