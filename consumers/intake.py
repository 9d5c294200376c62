"""The intake of one queue: a Kafka consumer on its own thread, which fetches, and commits what is finished.

The thread never runs a worker, so a job may take hours and the process keeps its partitions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from consumers.lanes import Delivery, Lanes
from consumers.offsets import OffsetTracker
from streams.errors import ConfigError, TreadleError
from streams.job import Queue
from streams.logs import kafka_client
from streams.message import Received
from streams.topics import topic_of

log = structlog.get_logger()

_COMMIT_EVERY = 1.0  # seconds
_PATIENCE = 0.5  # seconds with a full lane after which the partitions are paused


class Intake:
    """Feeds one lane, with at most `prefetch` jobs waiting. `on_failure` hears what ends the process."""

    def __init__(
        self,
        queue: Queue,
        kafka: Mapping[str, Any],
        lanes: Lanes,
        *,
        prefetch: int = 2_000,
        revoke_within: timedelta = timedelta(seconds=20),
        on_failure: Callable[[TreadleError], None],
    ) -> None:
        self.queue = queue
        self._lanes = lanes
        self._prefetch = prefetch
        self._revoke_within = revoke_within.total_seconds()
        self._on_failure = on_failure
        self._trackers: dict[int, OffsetTracker] = {}
        self._paused = False
        self._quiet = threading.Event()
        self._closing = threading.Event()
        self._commit_at = time.monotonic() + _COMMIT_EVERY
        self._consumer = Consumer(
            {
                "group.id": f"treadle.{queue.value}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "range",
                "session.timeout.ms": 6_000,
                "heartbeat.interval.ms": 1_000,
                "fetch.queue.backoff.ms": 5,  # at its default of 1 s the client idles beside a full backlog
                "queued.min.messages": prefetch,
                "queued.max.messages.kbytes": 16_384,
                "on_commit": self._committed,
                **kafka_client(),
                **kafka,
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
        return sum(len(tracker.running) for tracker in list(self._trackers.values()))

    def _run(self) -> None:
        try:
            self._consumer.subscribe(
                [topic_of(self.queue)],
                on_assign=self._assigned,
                on_revoke=self._revoked,
                on_lost=self._lost,
            )
            while not self._closing.is_set():
                self._admit(self._fetch())
                if time.monotonic() >= self._commit_at:
                    self._commit()
            self._commit(wait=True)
            self._consumer.close()
        except TreadleError as error:
            self._on_failure(error)
        except Exception as error:
            log.exception("intake_failed", queue=self.queue)
            self._on_failure(TreadleError(f"the intake of queue {self.queue} failed: {error}"))

    def _fetch(self) -> list[KafkaMessage]:
        """What has arrived: waits for a first message, then takes what lies ready behind it."""
        if not self._has_room():
            self._pause()
            return self._checked(self._consumer.poll(0.05), [])
        self._resume()
        first = self._consumer.poll(0.1)
        if first is None:
            return []
        return self._checked(first, self._consumer.consume(self._prefetch, timeout=0))

    def _has_room(self) -> bool:
        """Whether the lane may take more. Waits a little for it: a pause throws away what was fetched."""
        patience = 0.0 if self._paused else _PATIENCE
        give_up_at = time.monotonic() + patience
        while self._lanes.waiting(self.queue) > self._prefetch // 2:
            if self._quiet.is_set() or time.monotonic() >= give_up_at:
                return False
            self._closing.wait(0.005)
        return not self._quiet.is_set()

    def _checked(self, first: KafkaMessage | None, more: list[KafkaMessage]) -> list[KafkaMessage]:
        good = []
        for message in [first, *more] if first is not None else more:
            error = message.error()
            if error is None:
                good.append(message)
            elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise ConfigError(
                    f"topic {topic_of(self.queue)} does not exist: `treadle topics apply` makes it"
                )
            elif error.fatal():
                raise TreadleError(f"Kafka ended queue {self.queue}: {error.str()}")
            else:
                log.warning("fetch_failed", queue=self.queue, error=error.str())
        return good

    def _admit(self, messages: list[KafkaMessage]) -> None:
        if not messages:
            return
        deliveries = []
        offsets: dict[int, list[int]] = {}
        for message in messages:
            received = _received(message)
            tracker = self._trackers.get(received.partition)
            if tracker is not None:  # else it was taken away between the fetch and here
                offsets.setdefault(received.partition, []).append(received.offset)
                deliveries.append(Delivery(received, tracker))
        for partition, admitted in offsets.items():
            self._trackers[partition].admit(admitted)
        self._lanes.put(self.queue, deliveries)

    def _pause(self) -> None:
        if not self._paused:
            self._consumer.pause(self._consumer.assignment())
            self._paused = True

    def _resume(self) -> None:
        if self._paused:
            self._consumer.resume(self._consumer.assignment())
            self._paused = False

    def _commit(self, *, wait: bool = False) -> None:
        """Commit what is finished of all partitions. What fails is still uncommitted, and tried again."""
        self._commit_at = time.monotonic() + _COMMIT_EVERY
        offsets = self._committable(self._trackers.values())
        if not offsets:
            return
        if not wait:
            self._consumer.commit(offsets=offsets, asynchronous=True)
            return
        try:
            self._committed(None, self._consumer.commit(offsets=offsets, asynchronous=False) or [])
        except KafkaException as error:
            self._committed(error.args[0], offsets)

    def _committable(self, trackers: Iterable[OffsetTracker]) -> list[TopicPartition]:
        return [
            TopicPartition(tracker.topic, tracker.partition, offset)
            for tracker in trackers
            if (offset := tracker.committable()) is not None
        ]

    def _committed(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        for place in offsets:
            reason = error or place.error
            if reason is not None:
                log.warning("commit_failed", topic=place.topic, partition=place.partition, error=reason.str())
            elif (tracker := self._trackers.get(place.partition)) is not None:
                tracker.committed(place.offset)

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        log.info(
            "partitions_assigned", queue=self.queue, partitions=[place.partition for place in partitions]
        )
        for place in partitions:
            self._trackers[place.partition] = OffsetTracker(place.topic, place.partition)
        self._paused = False

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Start nothing more of these, wait for what runs, commit. Others wait for us meanwhile."""
        leaving = self._take_away(partitions)
        # At the end of the process, what runs has been waited for already.
        give_up_at = time.monotonic() + (0 if self._closing.is_set() else self._revoke_within)
        while any(tracker.running for tracker in leaving) and time.monotonic() < give_up_at:
            time.sleep(0.005)
        offsets = self._committable(leaving)
        try:
            if offsets:
                self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            log.warning("commit_failed", queue=self.queue, error=error.args[0].str())

    def _lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Another process has these by now: never commit."""
        self._take_away(partitions)

    def _take_away(self, partitions: list[TopicPartition]) -> list[OffsetTracker]:
        log.info("partitions_revoked", queue=self.queue, partitions=[place.partition for place in partitions])
        leaving = [
            tracker
            for place in partitions
            if (tracker := self._trackers.pop(place.partition, None)) is not None
        ]
        self._lanes.revoke(leaving)
        return leaving


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
