"""`treadle run retries`: moves jobs from tier to tier until they are due, and returns each to its queue on time.

One turn of its loop: fetch until the next job moves on, send what moves on, commit now and then. What Kafka has
acknowledged is finished, in any order; the next owner of the partition repeats the rest.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from consumers.fetching.group_member import GroupMember, MemberSettings
from consumers.fetching.membership import Membership
from consumers.retries.wait_list import Release, WaitList, onward
from streams.deadline import Deadline
from streams.errors import BadMessage, NotDelivered, TreadleError
from streams.headers import ID, QUEUE, text_of, value_of
from streams.kafka.client import RETRIES, received
from streams.kafka.producer import Producer
from streams.message import Message
from streams.overrides.feed import OverrideFeed
from streams.overrides.message import Ruling, ruling
from streams.overrides.table import Overrides
from streams.process import metrics
from streams.process.health import HealthServer, Pulse
from streams.tiers import Tiers
from streams.topics import topic_of
from streams.wire.failure import failure
from streams.wire.home import home_queue
from streams.wire.redrive import dead_letter

log = structlog.get_logger()

_COMMIT_EVERY = 0.1  # seconds; if the process is killed, what it sent since the last commit is sent again
_LONGEST_FETCH = 0.1  # seconds: how long a signal may have to wait
_PER_TURN = 500  # messages fetched in one turn
_MAX_IN_FLIGHT = 5_000  # messages that Kafka has not acknowledged
_DRAIN = 10.0  # seconds for Kafka to acknowledge them when the process stops
_LATE = 5_000  # milliseconds after which a job that should have moved on reveals a fault


@dataclass(frozen=True)
class RetriesSettings:
    """`kafka` holds librdkafka's properties; `http` is host:port, or None for no HTTP."""

    kafka: Mapping[str, Any]
    tiers: Tiers
    membership: Membership = Membership.COOPERATIVE
    static_id: str | None = None
    http: str | None = None

    @property
    def member(self) -> MemberSettings:
        """Settings for one member that reads all tiers. It fetches little at a time: most of it still has to wait."""
        client = {
            "queued.min.messages": 100,  # of each partition
            "queued.max.messages.kbytes": 8 * 1024,
            "fetch.max.bytes": 2 * 1024 * 1024,
            "max.partition.fetch.bytes": 128 * 1024,
            "fetch.wait.max.ms": 50,  # a resumed partition has to wait until the last fetch is answered
            **self.kafka,
        }
        return MemberSettings(RETRIES, tuple(self.tiers.by_topic), client, self.membership, self.static_id)


class RetriesProcess:
    """Any number of such processes share the partitions of the tiers."""

    def __init__(self, settings: RetriesSettings) -> None:
        self._settings = settings
        self._wait_list = WaitList(settings.tiers)
        self._member = GroupMember(settings.member, self._wait_list.forget)
        self._producer = Producer(settings.kafka)
        self._overrides = Overrides()
        self._feed = OverrideFeed(settings.kafka, self._overrides, self._producer, self._fail)
        self._failure: TreadleError | None = None
        self._next_at: int | None = None
        self._moved = 0
        self._commit_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Serve the tiers until `stop` is set.

        Raises TreadleError when Kafka does not accept a message, or the Kafka client failed for good. What was
        not acknowledged is not committed then, and another process sends it.
        """
        with ExitStack() as parts:
            if self._settings.http:
                parts.callback(HealthServer(self._settings.http, self.pulse, self._update_metrics).close)
            parts.callback(self._producer.close)
            parts.callback(self._feed.close)
            log.info("retries_started", tiers=len(self._settings.tiers.by_topic))
            try:
                self._feed.start()
                self._member.join()
                while not stop.is_set() and self._failure is None:
                    self._turn()
                self._wait_for_kafka()
                self._member.leave()
            except TreadleError:
                self._member.leave_if_truncated()
                raise
        if self._failure is not None:
            raise self._failure
        log.info("retries_stopped", moved=self._moved)

    def pulse(self) -> Pulse:
        """The state of the process now; `waiting` is 1 when a job should have moved on long ago, else 0."""
        late = self._next_at is not None and self._next_at < _now() - _LATE
        return Pulse(self._member.ready, int(late), self._in_flight, 1, self._moved)

    def _turn(self) -> None:
        self._admit(self._member.fetch(_PER_TURN, self._patience()))
        if (room := _MAX_IN_FLIGHT - self._in_flight) > 0:
            self._send(self._wait_list.release(_now(), room))
        self._next_at = self._wait_list.next_at()
        self._member.pause(self._wait_list.full() | self._member.full)
        if time.monotonic() >= self._commit_at:
            self._commit_at = time.monotonic() + _COMMIT_EVERY
            self._member.commit()

    def _patience(self) -> float:
        """Seconds to wait for a message: until the next job moves on, or briefly, with too many in flight."""
        if self._in_flight >= _MAX_IN_FLIGHT:
            return 0.002
        if self._next_at is None:
            return _LONGEST_FETCH
        return min(max(0.0, (self._next_at - _now()) / 1000), _LONGEST_FETCH)

    def _admit(self, messages: list[Any]) -> None:
        now = _now()
        for message in messages:
            arrived = received(message)
            tracker = self._member.partitions[arrived.topic].trackers.get(arrived.partition)
            if tracker is not None and tracker.admit(arrived.offset):
                self._wait_list.admit(arrived, tracker, now)

    def _send(self, releases: list[Release]) -> None:
        started = [release for release in releases if release.tracker.start(release.received.offset)]
        if len(self._overrides):
            started = [ruled for release in started if (ruled := self._ruled(release)) is not None]
        if started:
            self._moved += len(started)
            now = datetime.now(UTC)
            messages = [next_message(release, self._settings.tiers, now) for release in started]
            _count(messages, started)
            self._producer.send_then(messages, partial(self._sent, started))

    def _ruled(self, release: Release) -> Release | None:
        """The release with the override of its job applied; None for a copy that no longer counts."""
        job = text_of(release.received.headers, ID)
        override = self._overrides.of(job)
        match ruling(override, release.received):
            case Ruling.DROP:
                by = override.by if override else ""
                log.info("stale_copy_dropped", job=job, topic=release.received.topic, by=by)
                release.tracker.finish(release.received.offset)
                return None
            case Ruling.RETURN_NOW:
                return release._replace(hop=None)
        return release

    def _sent(self, releases: list[Release], failed: NotDelivered | None) -> None:
        if failed:
            self._fail(failed)  # they stay incomplete: another process sends them
            return
        for release in releases:
            release.tracker.finish(release.received.offset)

    def _fail(self, failure: TreadleError) -> None:
        self._failure = self._failure or failure

    @property
    def _in_flight(self) -> int:
        return sum(partitions.in_flight for partitions in self._member.partitions.values())

    def _wait_for_kafka(self) -> None:
        deadline = Deadline(0 if self._failure else _DRAIN)
        while self._in_flight and self._failure is None and not deadline.over:
            time.sleep(0.005)

    def _update_metrics(self, pulse: Pulse) -> None:
        metrics.HELD.set(len(self._wait_list))
        metrics.PARTITIONS.labels(RETRIES).set(len(self._member.share))


def _count(messages: list[Message], releases: list[Release]) -> None:
    for topic, count in Counter([message.topic for message in messages]).items():
        metrics.MOVED.labels(topic).inc(count)
    now = _now()
    for release in releases:
        if release.hop is None and now >= release.due:
            metrics.LATENESS.observe((now - release.due) / 1000)


def next_message(release: Release, tiers: Tiers, now: datetime) -> Message:
    """The message that moves a job on; a job that does not name its queue becomes a dead letter."""
    waiting = release.received
    try:
        home = home_queue(value_of(waiting.headers, QUEUE), waiting.topic)
        if home is None:
            raise BadMessage(f"header {QUEUE} is missing; a job that waits in a tier needs it")
    except BadMessage as error:
        return dead_letter(waiting, failure(error, waiting, now, "it does not name its queue"))
    return onward(release, tiers, topic_of(home))


def _now() -> int:
    return time.time_ns() // 1_000_000
