"""A fetcher over a Kafka consumer group: a thread that fetches jobs, and commits what is finished.

The thread never runs a worker, so a job may take hours and the process keeps its partitions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from consumers.dispatch.work_item import Suspect, WorkItem
from consumers.fetching.fetcher import Dispatch, Fail
from consumers.fetching.group_member import GroupMember, MemberSettings
from consumers.fetching.membership import Membership
from consumers.offsets.ownership import SUSPICIOUS
from streams.deadline import Deadline
from streams.errors import TreadleError
from streams.job import Queue
from streams.kafka.client import received
from streams.topics import topic_of

log = structlog.get_logger()

_COMMIT_EVERY = 1.0  # seconds
_COMMIT_SOON = 0.1
"""Seconds until a job is committed that led to messages, which it would send again if it were performed again.
The same after an owner died: the closer commits follow the jobs, the sooner the job that kills is found."""
_PATIENCE = 0.7  # seconds without room after which the partitions are paused


@dataclass(frozen=True)
class FetcherSettings:
    """`kafka` holds librdkafka's properties. At most `prefetch` jobs and `prefetch_bytes` wait in the process.

    `revoke_within` limits the wait for jobs in flight when their partition is taken away.
    """

    kafka: Mapping[str, Any]
    prefetch: int = 4_000
    prefetch_bytes: int = 4 * 1024 * 1024
    revoke_within: timedelta = timedelta(seconds=10)
    membership: Membership = Membership.COOPERATIVE
    static_id: str | None = None

    def member(self, queue: Queue) -> MemberSettings:
        """Settings for a member of this queue's group."""
        client = {
            "queued.min.messages": self.prefetch,
            "queued.max.messages.kbytes": self.prefetch_bytes // 1024,
            **self.kafka,
        }
        return MemberSettings(
            queue.value,
            (topic_of(queue),),
            client,
            self.membership,
            self.static_id,
            self.revoke_within,
            notes_deaths=True,
        )


class KafkaFetcher:
    """Feeds the jobs of one queue, as a member of the queue's consumer group."""

    def __init__(self, queue: Queue, settings: FetcherSettings) -> None:
        self.queue = queue
        self._settings = settings
        self._largest = 1.0  # bytes of the largest recent message; decays
        self._quiet = threading.Event()
        self._closing = threading.Event()
        self._member = GroupMember(settings.member(queue), ended=self._closing.is_set)
        self._partitions = self._member.partitions[topic_of(queue)]
        self._asked_at = time.monotonic()  # when the last commit was asked for
        self._thread = threading.Thread(target=self._run, name=f"fetcher-{queue.value}", daemon=True)

    def start(self, dispatch: Dispatch, fail: Fail) -> None:
        """Join the queue's group and start to fetch."""
        self._dispatch = dispatch
        self._fail = fail
        self._thread.start()

    def quiet(self) -> None:
        """Fetch nothing more, but keep the partitions and go on committing."""
        self._quiet.set()

    def close(self) -> None:
        """Commit what is finished and leave the group. The caller has waited for jobs in flight."""
        self._quiet.set()
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()
        else:
            self._member.leave()

    @property
    def ready(self) -> bool:
        """Whether it knows which partitions it owns."""
        return self._member.ready

    @property
    def partitions(self) -> int:
        """How many partitions it owns."""
        return len(self._partitions.trackers)

    @property
    def in_flight(self) -> int:
        """How many jobs of this queue are started and not finished."""
        return self._partitions.in_flight

    def _run(self) -> None:
        try:
            self._member.join()
            while not self._closing.is_set():
                self._turn()
            self._member.leave()
        except TreadleError as error:
            self._member.leave_if_truncated()
            self._fail(error)
        except Exception as error:
            log.exception("fetcher_failed", queue=self.queue)
            self._fail(TreadleError(f"fetching queue {self.queue} failed: {error}"))

    def _turn(self) -> None:
        """Fetch once, and commit if it is time, or if there is nothing left to do."""
        messages = self._fetch()
        self._admit(messages)
        nothing_to_do = not messages and self._partitions.idle
        self._commit(at_once=nothing_to_do)

    def _commit(self, *, at_once: bool = False) -> None:
        """Commit if it is time, or `at_once`."""
        trackers = list(self._partitions.trackers.values())
        soon = self._member.deaths or any(tracker.commit_soon for tracker in trackers)
        now = time.monotonic()
        if at_once or now - self._asked_at >= (_COMMIT_SOON if soon else _COMMIT_EVERY):
            self._asked_at = now
            for tracker in trackers:
                tracker.commit_asked()
            self._member.commit()

    def _fetch(self) -> list[Any]:
        room = self._room()
        if room == 0:
            self._member.pause(self._member.share)
            return self._member.fetch(0, wait=0.05)
        self._member.pause(self._member.full)
        return self._member.fetch(room, wait=0.1)

    def _room(self) -> int:
        """How many more messages may be fetched. Waits a little for room, because a pause discards what was fetched.

        After a pause it takes more than half a second until messages arrive again. Half of the room (2,000 jobs) lasts
        longer than that, unless jobs are so quick that room frees up within `_PATIENCE` and nothing is paused.
        """
        most = max(1, min(self._settings.prefetch, int(self._settings.prefetch_bytes / self._largest)))
        deadline = Deadline(0 if self._member.is_paused else _PATIENCE)
        while (waiting := self._dispatch.waiting) > most // 2:
            if self._quiet.is_set() or deadline.over:
                return 0
            self._closing.wait(0.005)
            self._commit()
        return 0 if self._quiet.is_set() else most - waiting

    def _admit(self, messages: list[Any]) -> None:
        items = []
        trackers = self._partitions.trackers
        largest = 0
        suspicious = self._member.deaths >= SUSPICIOUS
        for message in messages:
            arrived = received(message)
            tracker = trackers.get(arrived.partition)
            if tracker is not None and tracker.admit(arrived.offset):
                deaths = tracker.deaths_at(arrived.offset) if suspicious else 0
                items.append(
                    Suspect(arrived, tracker, deaths) if deaths >= SUSPICIOUS else WorkItem(arrived, tracker)
                )
                if arrived.value is not None and len(arrived.value) > largest:
                    largest = len(arrived.value)
        if items:
            self._largest = max(largest, self._largest * 0.9, 1.0)
            self._dispatch.put(items)
