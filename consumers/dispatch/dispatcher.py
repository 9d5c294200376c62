"""Where a job is performed: on a slot or on the event loop, in the order of its key or right away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from consumers.dispatch.key_order import KeyOrder
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from consumers.worker import Worker, Workers
from streams.headers import TYPE, value_of
from streams.job import Kinds, Queue
from streams.message import Received
from streams.wire.jobs import kind_named


class ReadyQueues(NamedTuple):
    """One ready queue for each type of executor."""

    slots: ReadyQueue
    loop: ReadyQueue


class Dispatcher:
    """Puts the work items of one queue into the ready queues of their executors."""

    def __init__(self, queue: Queue, kinds: Kinds, workers: Workers, ready: ReadyQueues) -> None:
        self._queue = queue
        self._kinds = kinds
        self._workers = workers
        self._ready = ready
        self._key_order = KeyOrder(queue)
        self._plain = not any(worker.is_async or worker.ordered for worker in workers)
        self._known: dict[bytes, Worker | None] = {}

    def put(self, items: Sequence[WorkItem]) -> None:
        """Put each item into its ready queue, or behind others of its key."""
        if self._plain:  # only plain, unordered workers: there is nothing to look up
            self._ready.slots.put(self._queue, items)
            return
        slots: list[WorkItem] = []
        loop: list[WorkItem] = []
        for item in items:
            worker = self._worker(item.received)
            on_loop = worker is not None and worker.is_async and not item.deaths
            if worker is not None and worker.ordered and item.received.key is not None:
                ready = self._ready.loop if on_loop else self._ready.slots
                if not self._key_order.may_go(item, item.received.key, ready):
                    continue
            (loop if on_loop else slots).append(item)
        self._ready.slots.put(self._queue, slots)
        self._ready.loop.put(self._queue, loop)

    @property
    def waiting(self) -> int:
        """How many items of the queue wait for an executor."""
        return sum(ready.waiting(self._queue) for ready in self._ready) + self._key_order.waiting

    def _worker(self, received: Received) -> Worker | None:
        name = value_of(received.headers, TYPE) or b""
        if name in self._known:
            return self._known[name]
        kind = kind_named(self._kinds, name, received.value)
        worker = self._workers.find(kind.name) if kind else None
        if kind is not None and name.decode() in (kind.name, *kind.replaces):
            self._known[name] = worker  # the worker of any other name depends on the arguments
        return worker
