"""Kafka's classic consumer as an intake: a thread that fetches, and commits what is finished.

The thread never runs a worker, so a job may take hours and the process keeps its partitions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from consumers.group_member import GroupMember, MemberSettings, received
from consumers.intake import Traits
from consumers.membership import Membership
from consumers.parcel import Parcel, Suspect
from consumers.routes import Routes
from consumers.tenure import SUSPICIOUS
from streams.errors import TreadleError
from streams.job import Queue
from streams.topics import topic_of

log = structlog.get_logger()

_COMMIT_EVERY = 1.0  # seconds
_COMMIT_SOON = 0.1
"""Seconds until the commit of a job that led to others, or failed: repeated, all that it led to is sent twice. So also
after an owner died: the nearer the commit is to the job that kills, the sooner that is found."""
_PATIENCE = 0.7  # seconds without room after which the partitions are paused


@dataclass(frozen=True)
class IntakeSettings:
    """`kafka` holds librdkafka's properties. At most `prefetch` jobs and `prefetch_bytes` wait in the process.

    `revoke_within` bounds the wait for jobs at work when their partition is taken away.
    """

    kafka: Mapping[str, Any]
    prefetch: int = 4_000
    prefetch_bytes: int = 4 * 1024 * 1024
    revoke_within: timedelta = timedelta(seconds=10)
    membership: Membership = Membership.COOPERATIVE
    static_id: str | None = None

    def member(self, queue: Queue) -> MemberSettings:
        """How to be a member of this queue's group."""
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


class KafkaIntake:
    """Feeds the jobs of one queue. `fail` hears what has to end the process."""

    traits = Traits(more_while_unfinished=True, held_for=None, keeps_order=True)

    def __init__(
        self, queue: Queue, settings: IntakeSettings, routes: Routes, fail: Callable[[TreadleError], None]
    ) -> None:
        self.queue = queue
        self._settings = settings
        self._routes = routes
        self._fail = fail
        self._largest = 1.0  # bytes; a recent message of the larger sort
        self._quiet = threading.Event()
        self._closing = threading.Event()
        self._member = GroupMember(settings.member(queue), ended=self._closing.is_set)
        self._partitions = self._member.partitions[topic_of(queue)]
        self._asked_at = time.monotonic()  # for the last commit
        self._thread = threading.Thread(target=self._run, name=f"intake-{queue.value}", daemon=True)

    def start(self) -> None:
        """Join the queue's group and begin to fetch."""
        self._thread.start()

    def quiet(self) -> None:
        """Fetch nothing more; keep the partitions, and go on committing."""
        self._quiet.set()

    def close(self) -> None:
        """Commit what is finished and leave the group. What runs has been waited for by then."""
        self._quiet.set()
        self._closing.set()
        self._thread.join()

    @property
    def ready(self) -> bool:
        """Whether it has been told what its partitions are."""
        return self._member.ready

    @property
    def running(self) -> int:
        """How many jobs of this queue are started and not finished."""
        return self._partitions.running

    @property
    def waiting(self) -> int:
        """How many jobs of this queue are in the process and not started."""
        return self._routes.waiting

    @property
    def partitions(self) -> int:
        """How many partitions this process has."""
        return len(self._partitions.trackers)

    def _run(self) -> None:
        try:
            self._member.join()
            while not self._closing.is_set():
                self._turn()
            self._member.leave()
        except TreadleError as error:
            self._member.leave_if_offsets_went_back()
            self._fail(error)
        except Exception as error:
            log.exception("intake_failed", queue=self.queue)
            self._fail(TreadleError(f"the intake of queue {self.queue} failed: {error}"))

    def _turn(self) -> None:
        """Fetch once, and commit when it is time, or when there is nothing left to do."""
        messages = self._fetch()
        self._admit(messages)
        nothing_to_do = not messages and self._partitions.idle
        self._commit(at_once=nothing_to_do)

    def _commit(self, *, at_once: bool = False) -> None:
        """Commit, if it is time."""
        trackers = list(self._partitions.trackers.values())
        soon = self._member.deaths or any(tracker.hurry for tracker in trackers)
        now = time.monotonic()
        if at_once or now - self._asked_at >= (_COMMIT_SOON if soon else _COMMIT_EVERY):
            self._asked_at = now
            for tracker in trackers:
                tracker.hurry = False  # before we look: what finishes from now on is seen the next time
            self._member.commit()

    def _fetch(self) -> list[Any]:
        room = self._room()
        if room == 0:
            self._member.pause(self._member.places)
            return self._member.fetch(0, wait=0.05)
        self._member.pause(self._member.full)
        return self._member.fetch(room, wait=0.1)

    def _room(self) -> int:
        """How many more may come. Waits a little for room: a pause throws away what was fetched.

        It takes more than half a second until something comes again. So half of the room (2,000 jobs) lasts longer
        than that, unless jobs are so quick that it comes free within our patience, and nothing is paused.
        """
        most = max(1, min(self._settings.prefetch, int(self._settings.prefetch_bytes / self._largest)))
        give_up_at = time.monotonic() + (0.0 if self._member.is_paused else _PATIENCE)
        while (waiting := self._routes.waiting) > most // 2:
            if self._quiet.is_set() or time.monotonic() >= give_up_at:
                return 0
            self._closing.wait(0.005)
            self._commit()
        return 0 if self._quiet.is_set() else most - waiting

    def _admit(self, messages: list[Any]) -> None:
        parcels = []
        trackers = self._partitions.trackers
        largest = 0
        suspicious = self._member.deaths >= SUSPICIOUS
        for message in messages:
            came = received(message)
            tracker = trackers.get(came.partition)
            if tracker is not None and tracker.admit(came.offset):
                deaths = tracker.tenure.deaths_at(came.offset) if suspicious and tracker.tenure else 0
                parcels.append(
                    Suspect(came, tracker, deaths) if deaths >= SUSPICIOUS else Parcel(came, tracker)
                )
                if came.value is not None and len(came.value) > largest:
                    largest = len(came.value)
        if parcels:
            self._largest = max(largest, self._largest * 0.9, 1.0)
            self._routes.put(parcels)
