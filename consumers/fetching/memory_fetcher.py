"""A fetcher over a log in memory: the same guarantees as Kafka's, without a broker. For tests."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from consumers.dispatch.work_item import WorkItem
from consumers.fetching.fetcher import Dispatch, Fail
from consumers.offsets.commit import Commit, Committed
from consumers.offsets.tracker import OffsetTracker
from streams.errors import TreadleError
from streams.job import Queue
from streams.message import Message, Received
from streams.topics import topic_of

_PAUSE = 0.001  # seconds between polls of the log


class MemoryLog:
    """One partition of a queue's topic: what was sent, and what was committed. Outlives the fetchers that read it."""

    def __init__(self, queue: Queue) -> None:
        self.topic = topic_of(queue)
        self.messages: list[Received] = []
        self.commit: Commit | None = None

    def append(self, messages: Iterable[Message], timestamp: int = 0) -> None:
        """Add these to the end of the log. `timestamp` is in epoch milliseconds."""
        for message in messages:
            position = (self.topic, 0, len(self.messages))
            self.messages.append(Received(*position, message.key, message.value, message.headers, timestamp))


class MemoryFetcher:
    """Feeds the jobs of one log. At most `prefetch` of them wait for an executor at a time."""

    def __init__(self, queue: Queue, log: MemoryLog, prefetch: int = 1_000) -> None:
        self.queue = queue
        self._log = log
        self._prefetch = prefetch
        self._tracker = OffsetTracker(log.topic, 0)
        self._quiet = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"fetcher-{queue.value}", daemon=True)

    def start(self, dispatch: Dispatch, fail: Fail) -> None:
        """See `Fetcher`."""
        self._dispatch = dispatch
        self._fail = fail
        commit = self._log.commit
        self._tracker.begin(Committed.read(commit.offset if commit else None, commit and commit.metadata))
        self._next = commit.offset if commit else 0
        self._thread.start()

    def quiet(self) -> None:
        """See `Fetcher`."""
        self._quiet.set()

    def close(self) -> None:
        """See `Fetcher`."""
        self._quiet.set()
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def ready(self) -> bool:
        """See `Fetcher`."""
        return self._thread.is_alive()

    @property
    def partitions(self) -> int:
        """See `Fetcher`."""
        return 1

    @property
    def in_flight(self) -> int:
        """See `Fetcher`."""
        return len(self._tracker.in_flight)

    def _run(self) -> None:
        try:
            while not self._closing.wait(_PAUSE):
                self._admit()
                self._commit()
            self._commit()
        except TreadleError as error:
            self._fail(error)

    def _admit(self) -> None:
        room = 0 if self._quiet.is_set() else self._prefetch - self._dispatch.waiting
        batch = self._log.messages[self._next : self._next + max(0, room)]
        self._next += len(batch)
        admitted = [WorkItem(each, self._tracker) for each in batch if self._tracker.admit(each.offset)]
        if admitted:
            self._dispatch.put(admitted)

    def _commit(self) -> None:
        self._tracker.commit_asked()
        if (commit := self._tracker.commit()) is not None:
            self._log.commit = commit
            self._tracker.committed(commit)
