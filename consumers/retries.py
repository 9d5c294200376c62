"""`treadle run retries`: has jobs fall from tier to tier until they are due, and sends them home on time.

A turn of its one loop: fetch until the next job goes on, send what goes on, commit now and then. What Kafka
has acknowledged is finished, in whatever order; the rest is repeated by whoever has the partition next.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from consumers.group_member import GroupMember, MemberSettings, received
from consumers.health import HealthServer, Pulse
from consumers.kafka_orders import KafkaOrders
from consumers.membership import Membership
from consumers.orders import Orders
from consumers.waiting import Release, Waiting, onward
from streams import metrics
from streams.dead import dead_letter, failure
from streams.errors import BadMessage, NotDelivered, TreadleError
from streams.job import Queue
from streams.message import Message, Received
from streams.orders import Ruling, ruling
from streams.producer import Producer
from streams.redrive import text_of
from streams.tiers import QUEUE, Tiers
from streams.topics import topic_of

log = structlog.get_logger()

NAME = "retries"
_COMMIT_EVERY = 0.1  # seconds; what went on since the last is sent twice when the process is killed
_LONGEST_FETCH = 0.1  # seconds: how long a signal may have to wait
_AT_ONCE = 500  # messages taken in one turn
_UNDER_WAY = 5_000  # messages that Kafka has not acknowledged
_DRAIN = 10.0  # seconds that Kafka has for them at the end
_STUCK = 5_000  # milliseconds after which what should have gone on tells of a fault


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
        """One consumer of all tiers. It fetches little at a time: most of what it sees waits longer than it looks."""
        client = {
            "queued.min.messages": 100,  # of each partition
            "queued.max.messages.kbytes": 8 * 1024,
            "fetch.max.bytes": 2 * 1024 * 1024,
            "max.partition.fetch.bytes": 128 * 1024,
            "fetch.wait.max.ms": 50,  # a partition that goes on is asked for when the last fetch is answered
            **self.kafka,
        }
        return MemberSettings(NAME, tuple(self.tiers.by_topic), client, self.membership, self.static_id)


class RetriesProcess:
    """Any number of such processes share the partitions of the tiers."""

    def __init__(self, settings: RetriesSettings) -> None:
        self._settings = settings
        self._waiting = Waiting(settings.tiers)
        self._member = GroupMember(settings.member, self._waiting.forget)
        self._producer = Producer(settings.kafka)
        self._orders = Orders()
        self._ordered = KafkaOrders(settings.kafka, self._orders, self._producer, self._fail)
        self._failure: TreadleError | None = None
        self._next_at: int | None = None
        self._moved = 0
        self._commit_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Serve the tiers until `stop` is set.

        Raises TreadleError when Kafka does not take a message, or gives up on us; what was not
        acknowledged is not committed then, and another process sends it.
        """
        http = self._settings.http
        health = HealthServer(http, self.pulse, self._update_metrics) if http else None
        log.info("retries_started", tiers=len(self._settings.tiers.by_topic))
        try:
            self._ordered.start()
            self._member.join()
            while not stop.is_set() and self._failure is None:
                self._turn()
            self._wait_for_kafka()
            self._member.leave()
        except TreadleError:
            self._member.leave_if_offsets_went_back()
            raise
        finally:
            self._ordered.close()
            self._producer.close()
            if health is not None:
                health.close()
        if self._failure is not None:
            raise self._failure
        log.info("retries_stopped", moved=self._moved)

    def pulse(self) -> Pulse:
        """What there is to see of the process now: `waiting` counts only what should have gone on long ago."""
        stuck = self._next_at is not None and self._next_at < _now() - _STUCK
        return Pulse(self._member.ready, int(stuck), self._under_way, 1, self._moved)

    def _turn(self) -> None:
        self._admit(self._member.fetch(_AT_ONCE, self._patience()))
        if (room := _UNDER_WAY - self._under_way) > 0:
            self._send(self._waiting.release(_now(), room))
        self._next_at = self._waiting.next_at()
        self._member.pause(self._waiting.full() | self._member.full)
        if time.monotonic() >= self._commit_at:
            self._commit_at = time.monotonic() + _COMMIT_EVERY
            self._member.commit()

    def _patience(self) -> float:
        """Seconds to wait for a message: until the next goes on, or, with too much under way, for Kafka."""
        if self._under_way >= _UNDER_WAY:
            return 0.002
        if self._next_at is None:
            return _LONGEST_FETCH
        return min(max(0.0, (self._next_at - _now()) / 1000), _LONGEST_FETCH)

    def _admit(self, messages: list[Any]) -> None:
        now = _now()
        for message in messages:
            came = received(message)
            tracker = self._member.partitions[came.topic].trackers.get(came.partition)
            if tracker is not None and tracker.admit(came.offset):
                self._waiting.admit(came, tracker, now)

    def _send(self, releases: list[Release]) -> None:
        started = [release for release in releases if release.tracker.start(release.came.offset)]
        if len(self._orders):
            started = [ruled for release in started if (ruled := self._ruled(release)) is not None]
        if started:
            self._moved += len(started)
            now = datetime.now(UTC)
            messages = [next_message(release, self._settings.tiers, now) for release in started]
            _count(messages, started)
            self._producer.send_then(messages, partial(self._sent, started))

    def _ruled(self, release: Release) -> Release | None:
        """The release as an order about its job has it; None for a copy that counts no more."""
        came = release.came
        job = text_of(came, "ce_id")
        order = self._orders.of(job)
        match ruling(order, came):
            case Ruling.DROP:
                log.info("stale_copy_dropped", job=job, topic=came.topic, by=order.by if order else "")
                release.tracker.finish(came.offset)
                return None
            case Ruling.HOME_NOW:
                return release._replace(place=None)
        return release

    def _sent(self, releases: list[Release], failed: NotDelivered | None) -> None:
        if failed:
            self._fail(failed)  # they stay unfinished: another process sends them
            return
        for release in releases:
            release.tracker.finish(release.came.offset)

    def _fail(self, failure: TreadleError) -> None:
        self._failure = self._failure or failure

    @property
    def _under_way(self) -> int:
        return sum(partitions.running for partitions in self._member.partitions.values())

    def _wait_for_kafka(self) -> None:
        give_up_at = time.monotonic() + (0.0 if self._failure else _DRAIN)
        while self._under_way and self._failure is None and time.monotonic() < give_up_at:
            time.sleep(0.005)

    def _update_metrics(self, pulse: Pulse) -> None:
        metrics.HELD.set(len(self._waiting))
        metrics.PARTITIONS.labels(NAME).set(len(self._member.places))


def _count(messages: list[Message], releases: list[Release]) -> None:
    for topic, count in Counter([message.topic for message in messages]).items():
        metrics.MOVED.labels(topic).inc(count)
    now = _now()
    for release in releases:
        if release.place is None and now >= release.due:
            metrics.LATENESS.observe((now - release.due) / 1000)


def next_message(release: Release, tiers: Tiers, now: datetime) -> Message:
    """The message with which a job goes on; one that does not say where its home is is a dead letter."""
    try:
        return onward(release, tiers, home_of(release.came))
    except BadMessage as error:
        return dead_letter(release.came, failure(error, release.came, now, "it has no home"))


def home_of(received: Received) -> str:
    """The topic of the queue that a waiting job goes back to. Raises BadMessage when it does not say."""
    for name, value in reversed(received.headers):
        if name == QUEUE:
            try:
                return topic_of(Queue((value or b"").decode()))
            except ValueError:
                break
    raise BadMessage(f"header {QUEUE} is missing, or names no queue; what waits in a tier needs it")


def _now() -> int:
    return time.time_ns() // 1_000_000
