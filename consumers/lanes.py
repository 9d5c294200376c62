"""Where parcels wait for whoever performs them: a lane per queue, emptied by the weights of the queues."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from consumers.parcel import Parcel
from consumers.picker import Picker
from streams.job import Queue

Wake = Callable[[], None]


class Lanes:
    """The lanes of one sort of performers: the slots, or the event loop.

    Safe for many threads, without a lock: each step is one operation on a deque or a counter, which is atomic in
    CPython. Performers take for themselves; one that finds nothing leaves a call with which to wake it, and costs
    nothing until then.
    """

    def __init__(self, weights: Mapping[Queue, int]) -> None:
        self._lanes: dict[Queue, deque[Parcel]] = {queue: deque() for queue in weights}
        self._all = list(self._lanes.items())
        self._only = self._all[0][1] if len(self._all) == 1 else None
        self._picker = Picker(weights)
        self._bits = [(self._picker.bits[queue], lane) for queue, lane in self._all]
        self._idle: deque[Wake] = deque()
        self._closed = False

    def put(self, queue: Queue, parcels: Iterable[Parcel]) -> None:
        """Let these wait in the queue's lane, and wake as many performers."""
        lane = self._lanes[queue]
        before = len(lane)
        lane.extend(parcels)
        self._wake(len(lane) - before)

    def put_first(self, queue: Queue, parcel: Parcel) -> None:
        """Let this one be the next of its queue."""
        self._lanes[queue].appendleft(parcel)
        self._wake(1)

    def take(self) -> Parcel | None:
        """The next parcel, marked as running. None when there is none, or the lanes are closed.

        Those of a partition that was taken away meanwhile are dropped: another process has them.
        """
        while not self._closed:
            try:
                parcel = self._only.popleft() if self._only is not None else self._pick()
            except IndexError:
                return None
            if parcel.start():
                return parcel
            parcel.drop()
        return None

    def idle(self, wake: Wake) -> None:
        """Call `wake`, once, when there may be something to take again; at once if there is by now."""
        self._idle.append(wake)
        # Looked at after the call is there, so that nothing that is put in between is overlooked.
        if self._closed or any(lane for _, lane in self._all):
            self._wake(1)

    def waiting(self, queue: Queue) -> int:
        """How many parcels wait in a queue's lane."""
        return len(self._lanes[queue])

    @property
    def idlers(self) -> int:
        """How many performers wait to be woken."""
        return len(self._idle)

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Hand out nothing more."""
        self._closed = True
        self._wake(len(self._idle))

    def _pick(self) -> Parcel:
        """Raises IndexError when no lane has anything."""
        while True:
            ready = 0
            for bit, lane in self._bits:
                if lane:
                    ready |= bit
            if not ready:
                raise IndexError
            try:
                return self._lanes[self._picker.pick(ready)].popleft()
            except IndexError:  # somebody was faster
                continue

    def _wake(self, count: int) -> None:
        for _ in range(min(count, len(self._idle))):
            try:
                wake = self._idle.popleft()
            except IndexError:  # somebody else woke it
                return
            wake()
