"""The interface between where jobs come from and who performs them.

A fetcher hands work items to a dispatcher, and learns what becomes of each by `item.start()` and `item.finish()`. How
it fetches them and remembers which are finished is its own affair: nothing outside it knows of groups or commits. Two
fetchers pass the same suite (`tests/contracts/test_fetcher.py`): a Kafka consumer group (`kafka_fetcher.py`) and a
log in memory (`memory_fetcher.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from consumers.dispatch.work_item import WorkItem
from streams.errors import TreadleError
from streams.job import Queue

Fail = Callable[[TreadleError], None]
"""Called with an error that has to stop the process."""


class Dispatch(Protocol):
    """Takes the work items of a fetcher's queue."""

    def put(self, items: Sequence[WorkItem]) -> None:
        """Have these items wait for an executor."""

    @property
    def waiting(self) -> int:
        """How many of the queue's items wait."""


class Fetcher(Protocol):
    """Feeds the executors with the jobs of one queue."""

    queue: Queue

    def start(self, dispatch: Dispatch, fail: Fail) -> None:
        """Start handing work items to `dispatch`; `fail` is called with an error that has to stop the process."""

    def quiet(self) -> None:
        """Hand over nothing more, but keep recording what is finished."""

    def close(self) -> None:
        """Record what is finished by now, and leave. Returns when that is done."""

    @property
    def ready(self) -> bool:
        """Whether it knows which partitions it owns."""

    @property
    def partitions(self) -> int:
        """How many partitions it owns."""

    @property
    def in_flight(self) -> int:
        """How many of its work items are started and not finished."""
