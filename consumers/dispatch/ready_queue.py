"""Where work items wait for an executor: in order within each queue, while the queues take turns by weight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from consumers.dispatch.round_robin import RoundRobin
from consumers.dispatch.work_item import WorkItem
from streams.job import Queue

Wake = Callable[[], None]


class ReadyQueue:
    """What is ready for one type of executor: the slots, or the event loop.

    Safe for many threads, without a lock: each step is one operation on a deque or a counter, which is atomic in
    CPython. Executors take items themselves; one that finds none leaves a callback that wakes it, and costs nothing
    until then.
    """

    def __init__(self, weights: Mapping[Queue, int]) -> None:
        self._items: dict[Queue, deque[WorkItem]] = {queue: deque() for queue in weights}
        self._all = list(self._items.values())
        self._only = self._all[0] if len(self._all) == 1 else None
        self._round_robin = RoundRobin(weights)
        self._bits = [(self._round_robin.bits[queue], items) for queue, items in self._items.items()]
        self._idle: deque[Wake] = deque()
        self._closed = False

    def put(self, queue: Queue, items: Iterable[WorkItem]) -> None:
        """Add items to their queue, and wake as many executors."""
        waiting = self._items[queue]
        before = len(waiting)
        waiting.extend(items)
        self._wake(len(waiting) - before)

    def put_first(self, queue: Queue, item: WorkItem) -> None:
        """Put an item at the front of its queue, and wake an executor."""
        self._items[queue].appendleft(item)
        self._wake(1)

    def take(self) -> WorkItem | None:
        """Take the next item, which is in flight from then on. None when nothing waits, or the queue is closed.

        Items of a partition that was taken away meanwhile are dropped: another process performs them.
        """
        while not self._closed:
            try:
                item = self._only.popleft() if self._only is not None else self._pick()
            except IndexError:
                return None
            if item.start():
                return item
            item.drop()
        return None

    def idle(self, wake: Wake) -> None:
        """Call `wake` once, as soon as there may be something to take: right away if there already is."""
        self._idle.append(wake)
        # Checked after `wake` is registered, so that nothing that is put in between is missed.
        if self._closed or any(self._all):
            self._wake(1)

    def waiting(self, queue: Queue) -> int:
        """How many items of a queue wait."""
        return len(self._items[queue])

    @property
    def idle_executors(self) -> int:
        """How many executors wait to be woken."""
        return len(self._idle)

    @property
    def closed(self) -> bool:
        """Whether nothing more is handed out."""
        return self._closed

    def close(self) -> None:
        """Hand out nothing more, and wake all executors."""
        self._closed = True
        self._wake(len(self._idle))

    def _pick(self) -> WorkItem:
        """Raises IndexError when no queue has anything."""
        while True:
            ready = 0
            for bit, items in self._bits:
                if items:
                    ready |= bit
            if not ready:
                raise IndexError
            try:
                return self._items[self._round_robin.pick(ready)].popleft()
            except IndexError:  # another executor was faster
                continue

    def _wake(self, count: int) -> None:
        for _ in range(min(count, len(self._idle))):
            try:
                wake = self._idle.popleft()
            except IndexError:  # another thread woke it
                return
            wake()
