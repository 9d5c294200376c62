"""The orders a process knows: few, in memory, and forgotten when nothing of their jobs is left."""

from __future__ import annotations

import heapq
import time

import structlog

from streams.errors import BadMessage
from streams.message import Message
from streams.orders import Order, decode_order, forget

log = structlog.get_logger()

_MOST = 100_000
_AFTER_END = 60.0
"""Seconds; longer than from an outcome to its commit, so that no crash revives what was cancelled."""
_AFTER_STALE = 3_600.0
"""Seconds from the moment a stale copy was due: by then it has come up, unless nobody serves the tiers."""


class Orders:
    """Filled by one thread, asked by many. At most 100,000 are kept; the oldest go first."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._to_forget: list[tuple[float, str, str]] = []
        """A heap: when (epoch seconds), about which job, and which order: another may be given until then."""

    def of(self, job_id: str) -> Order | None:
        """The order about this job."""
        return self._orders.get(job_id) if self._orders else None

    def __len__(self) -> int:
        return len(self._orders)

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
        if order.action == "move":
            self._forget_at(_stale_until(order), job, order)

    def ended(self, job_id: str) -> None:
        """This job has ended: an order about it is forgotten a minute later, if none of its copies are left."""
        if (order := self.of(job_id)) is not None:
            self._forget_at(max(time.time() + _AFTER_END, _stale_until(order)), job_id, order)

    def due(self, now: float | None = None) -> list[Message]:
        """Messages that make everybody forget orders whose time has come (`now` in epoch seconds)."""
        now = time.time() if now is None else now
        messages = []
        while self._to_forget and self._to_forget[0][0] <= now:
            _, job, order_id = heapq.heappop(self._to_forget)
            order = self._orders.get(job)
            if order is not None and order.id == order_id:
                messages.append(forget(job))
        return messages

    def _forget_at(self, when: float, job: str, order: Order) -> None:
        heapq.heappush(self._to_forget, (when, job, order.id))


def _stale_until(order: Order) -> float:
    return max(order.stale) / 1000 + _AFTER_STALE if order.stale else 0.0
