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
from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumers import commits, membership
from consumers.intake import Traits
from consumers.membership import Membership
from consumers.offsets import Commit
from consumers.parcel import Parcel
from consumers.partitions import Partitions, Place, due
from consumers.routes import Routes
from streams import metrics
from streams.errors import ConfigError, TreadleError
from streams.job import Queue
from streams.logs import kafka_client
from streams.message import Received
from streams.topics import topic_of

log = structlog.get_logger()

_COMMIT_EVERY = 1.0  # seconds
_PATIENCE = 0.5  # seconds without room after which the partitions are paused
_ANSWER = timedelta(seconds=30)  # that the broker has to say what was committed
_REFUSED = timedelta(seconds=0.5)  # in which a last commit is tried again; others wait for us meanwhile


@dataclass(frozen=True)
class IntakeSettings:
    """`kafka` holds librdkafka's properties. At most `prefetch` jobs and `prefetch_bytes` wait in the process.

    `revoke_within` bounds the wait for jobs at work when their partition is taken away.
    """

    kafka: Mapping[str, Any]
    prefetch: int = 2_000
    prefetch_bytes: int = 4 * 1024 * 1024
    revoke_within: timedelta = timedelta(seconds=10)
    membership: Membership = Membership.COOPERATIVE
    static_id: str | None = None


class KafkaIntake:
    """Feeds the jobs of one queue. `fail` hears what has to end the process."""

    traits = Traits(more_while_unfinished=True, held_for=None, keeps_order=True)

    def __init__(
        self, queue: Queue, settings: IntakeSettings, routes: Routes, fail: Callable[[TreadleError], None]
    ) -> None:
        self.queue = queue
        self.ready = False
        self._settings = settings
        self._routes = routes
        self._fail = fail
        self._partitions = Partitions(topic_of(queue))
        self._largest = 1.0  # bytes; a recent message of the larger sort
        self._paused: set[int] = set()
        self._quiet = threading.Event()
        self._closing = threading.Event()
        self._commit_at = time.monotonic() + _COMMIT_EVERY
        self._consumer = Consumer(
            {
                "group.id": f"treadle.{queue.value}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 5,  # at its default of 1 s the client idles beside a full backlog
                "queued.min.messages": settings.prefetch,
                "queued.max.messages.kbytes": settings.prefetch_bytes // 1024,
                "fetch.max.bytes": 4 * 1024 * 1024,
                "max.partition.fetch.bytes": 128 * 1024,  # compressed; in memory it becomes many times that
                "on_commit": self._on_commit,
                **membership.properties(settings.membership, settings.static_id),
                **kafka_client(),
                **settings.kafka,
            }
        )
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
            topics = [self._partitions.topic]
            self._consumer.subscribe(
                topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
            while not self._closing.is_set():
                self._turn()
            self._commit_and_wait(self._partitions.due())
            self._consumer.close()
        except TreadleError as error:
            self._fail(error)
        except Exception as error:
            log.exception("intake_failed", queue=self.queue)
            self._fail(TreadleError(f"the intake of queue {self.queue} failed: {error}"))

    def _turn(self) -> None:
        """Fetch once, and commit when it is time, or when there is nothing left to do."""
        messages = self._fetch()
        self._admit(messages)
        nothing_to_do = not messages and self._partitions.idle
        if nothing_to_do or time.monotonic() >= self._commit_at:
            self._commit_at = time.monotonic() + _COMMIT_EVERY
            self._commit(self._partitions.due())

    def _fetch(self) -> list[Any]:
        """What has arrived: waits for a first message, then takes what lies ready behind it."""
        room = self._room()
        if room == 0:
            self._pause(set(self._partitions.trackers))
            return self._checked(self._consumer.poll(0.05), [])
        self._pause(self._partitions.full)
        first = self._consumer.poll(0.1)
        if first is None:
            return []
        return self._checked(first, self._consumer.consume(room, timeout=0))

    def _room(self) -> int:
        """How many more may come. Waits a little for room: a pause throws away what was fetched."""
        most = max(1, min(self._settings.prefetch, int(self._settings.prefetch_bytes / self._largest)))
        give_up_at = time.monotonic() + (0.0 if self._paused else _PATIENCE)
        while (waiting := self._routes.waiting) > most // 2:
            if self._quiet.is_set() or time.monotonic() >= give_up_at:
                return 0
            self._closing.wait(0.005)
        return 0 if self._quiet.is_set() else most - waiting

    def _checked(self, first: Any, more: list[Any]) -> list[Any]:
        good = []
        for message in [first, *more] if first is not None else more:
            error = message.error()
            if error is None:
                good.append(message)
            elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise ConfigError(
                    f"topic {self._partitions.topic} does not exist: `treadle topics apply` makes it"
                )
            elif error.fatal():
                raise TreadleError(f"Kafka ended queue {self.queue}: {error.str()}")
            else:
                log.warning("fetch_failed", queue=self.queue, error=error.str())
        return good

    def _admit(self, messages: list[Any]) -> None:
        parcels = []
        trackers = self._partitions.trackers
        largest = 0
        for message in messages:
            received = _received(message)
            tracker = trackers.get(received.partition)
            if tracker is not None and tracker.admit(received.offset):
                parcels.append(Parcel(received, tracker))
                if received.value is not None and len(received.value) > largest:
                    largest = len(received.value)
        if parcels:
            self._largest = max(largest, self._largest * 0.9, 1.0)
            self._routes.put(parcels)

    def _pause(self, wanted: set[int]) -> None:
        """Let exactly these partitions be paused."""
        if wanted == self._paused:
            return
        topic, ours = self._partitions.topic, self._partitions.trackers
        self._consumer.pause([TopicPartition(topic, p) for p in wanted - self._paused])
        self._consumer.resume([TopicPartition(topic, p) for p in self._paused - wanted if p in ours])
        self._paused = wanted

    def _commit(self, places: list[Place]) -> None:
        """Commit, and go on. What fails is still due a second later."""
        if places:
            self._consumer.commit(offsets=self._offsets(places), asynchronous=True)

    def _commit_and_wait(self, places: list[Place]) -> None:
        """Commit, and learn how it went."""
        for place, reason in commits.commit(self._consumer, self._offsets(places), _REFUSED):
            self._on_commit(reason, [place])

    def _offsets(self, places: list[Place]) -> list[TopicPartition]:
        topic = self._partitions.topic
        return [TopicPartition(topic, partition, *commit) for partition, commit in places]

    def _on_commit(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        for place in offsets:
            reason = error or place.error
            metrics.COMMITS.labels(self.queue, "failed" if reason else "ok").inc()
            if reason is not None:
                log.warning("commit_failed", queue=self.queue, partition=place.partition, error=reason.str())
            else:
                self._partitions.committed(place.partition, Commit(place.offset, place.metadata or ""))

    def _on_assign(self, _: Consumer, places: list[TopicPartition]) -> None:
        """Begin where the last owner stopped: its commit says below what, its map what of the rest."""
        self._tell("assigned", places)
        if self._closing.is_set():
            return  # nothing begins any more
        committed = commits.committed(self._consumer, places, _ANSWER, self._closing.is_set)
        for place in committed:
            offset = place.offset if place.offset >= 0 else None
            self._partitions.begin(place.partition, offset, place.metadata)
        if self._settings.membership.is_incremental:
            self._consumer.incremental_assign(committed)
        else:
            self._consumer.assign(committed)
            self._paused = set()
        self.ready = True

    def _on_revoke(self, _: Consumer, places: list[TopicPartition]) -> None:
        """Start nothing more of these, wait for what is at work, commit."""
        self._tell("revoked", places)
        leaving = self._take_away(places)
        # At the end of the process, what runs has been waited for already.
        patience = 0.0 if self._closing.is_set() else self._settings.revoke_within.total_seconds()
        give_up_at = time.monotonic() + patience
        while any(tracker.running for tracker in leaving) and time.monotonic() < give_up_at:
            time.sleep(0.002)
        self._commit_and_wait(due(leaving))

    def _on_lost(self, _: Consumer, places: list[TopicPartition]) -> None:
        """Another process has these by now: never commit."""
        self._tell("lost", places)
        self._take_away(places)

    def _take_away(self, places: list[TopicPartition]) -> list[Any]:
        partitions = [place.partition for place in places]
        # The client would have them paused still, should they come back.
        self._pause(self._paused - set(partitions))
        return self._partitions.take_away(partitions)

    def _tell(self, what: str, places: list[TopicPartition]) -> None:
        partitions = [place.partition for place in places]
        log.info(f"partitions_{what}", queue=self.queue, partitions=partitions)
        metrics.REBALANCES.labels(self.queue, what).inc()


def _received(message: Any) -> Received:
    """From the client's type, whose methods are typed for messages that carry an error, too."""
    return Received(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        message.headers() or [],
        message.timestamp()[1],
    )
