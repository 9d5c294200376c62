"""The orders a process knows: few, in memory, and forgotten a while after their jobs have ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import structlog

from streams.errors import BadMessage
from streams.message import Message
from streams.orders import Order, decode_order, forget

log = structlog.get_logger()

_MOST = 100_000
_KEPT = (
    60.0  # seconds; longer than from an outcome to its commit, so that no crash revives what was cancelled
)


class Orders:
    """Filled by one thread, asked by many. At most 100,000 are kept; the oldest go first.

    `heard` is told of every new order.
    """

    def __init__(self, heard: Callable[[str, Order], None] = lambda job, order: None) -> None:
        self._orders: dict[str, Order] = {}
        self._ended: deque[tuple[float, str]] = deque()
        self._heard = heard

    def of(self, job_id: str) -> Order | None:
        """The order about this job."""
        return self._orders.get(job_id) if self._orders else None

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """A message of the topic: an order, or that one is forgotten. What cannot be read is told of and left."""
        job = (key or b"").decode(errors="backslashreplace")
        if value is None:
            self._orders.pop(job, None)
            return
        try:
            order = decode_order(value)
        except BadMessage as error:
            log.warning("order_unreadable", error=str(error))
            return
        self._orders.pop(job, None)  # a newer one goes to the end
        self._orders[job] = order
        if len(self._orders) > _MOST:
            del self._orders[next(iter(self._orders))]
            log.warning("order_dropped", advice=f"a process keeps {_MOST} orders")
        self._heard(job, order)

    def ended(self, job_id: str) -> None:
        """This job has ended: an order about it is forgotten a minute later."""
        if job_id in self._orders:
            self._ended.append((time.monotonic() + _KEPT, job_id))

    def due(self, now: float | None = None) -> list[Message]:
        """Messages that make everybody forget orders whose time has come (`now` as time.monotonic)."""
        now = time.monotonic() if now is None else now
        messages = []
        while self._ended and self._ended[0][0] <= now:
            job = self._ended.popleft()[1]
            if job in self._orders:
                messages.append(forget(job))
        return messages
