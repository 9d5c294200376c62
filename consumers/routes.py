"""Where a message is performed: by the slots or by the event loop, and in the line of its key or at once."""

from __future__ import annotations

from typing import NamedTuple

from consumers.lanes import Lanes
from consumers.lines import Lines
from consumers.parcel import Parcel
from consumers.worker import Worker, Workers
from streams.codec import kind_named
from streams.job import Kinds, Queue
from streams.message import Headers, Received


class Stations(NamedTuple):
    """The lanes before those who perform."""

    slots: Lanes
    loop: Lanes


class Routes:
    """Puts the parcels of one queue where they belong."""

    def __init__(self, queue: Queue, kinds: Kinds, workers: Workers, stations: Stations) -> None:
        self._queue = queue
        self._kinds = kinds
        self._workers = workers
        self._stations = stations
        self._lines = Lines(queue)
        self._plain = not any(worker.is_async or worker.ordered for worker in workers)
        self._known: dict[bytes, Worker | None] = {}

    def put(self, parcels: list[Parcel]) -> None:
        """Put each parcel into its lane, or into the line of its key."""
        if self._plain:  # nothing but plain workers without order: there is nothing to look up
            self._stations.slots.put(self._queue, parcels)
            return
        slots: list[Parcel] = []
        loop: list[Parcel] = []
        for parcel in parcels:
            worker = self._worker(parcel.received)
            to_loop = worker is not None and worker.is_async and not parcel.deaths
            if worker is not None and worker.ordered and parcel.received.key is not None:
                lanes = self._stations.loop if to_loop else self._stations.slots
                if not self._lines.may_go(parcel, parcel.received.key, lanes):
                    continue
            (loop if to_loop else slots).append(parcel)
        self._stations.slots.put(self._queue, slots)
        self._stations.loop.put(self._queue, loop)

    @property
    def waiting(self) -> int:
        """How many parcels wait for somebody to perform them."""
        return sum(lanes.waiting(self._queue) for lanes in self._stations) + self._lines.waiting

    def _worker(self, received: Received) -> Worker | None:
        name = _type(received.headers)
        if name in self._known:
            return self._known[name]
        kind = kind_named(self._kinds, name, received.value)
        worker = self._workers.find(kind.name) if kind else None
        if kind is not None and name.decode() in (kind.name, *kind.replaces):  # else its arguments decide
            self._known[name] = worker
        return worker


def _type(headers: Headers) -> bytes:
    for name, value in reversed(headers):  # of two, the codec reads the last
        if name == "ce_type":
            return value or b""
    return b""
