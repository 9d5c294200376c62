"""A member of a consumer group: fetches from its share of some topics, and commits what is finished of it.

One thread calls it; the callbacks of the client come in that thread's polls. What is done with the messages is
somebody else's business (`kafka_intake.py`, `retries.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumers import commits, membership, tenure
from consumers.membership import Membership
from consumers.offsets import Commit, OffsetTracker
from consumers.partitions import Partitions
from streams import metrics
from streams.errors import ConfigError, TreadleError
from streams.logs import kafka_client
from streams.message import HEADERS_LOST, Received

log = structlog.get_logger()

Place = tuple[str, int]
"""A topic and a partition of it."""

_ANSWER = timedelta(seconds=30)  # that the broker has to say what was committed
_SAY = 2.0  # seconds that the broker has to say where the partitions that are assigned begin and end
_REFUSED = timedelta(seconds=3)  # in which a last commit is tried again; others may wait for us meanwhile


@dataclass(frozen=True)
class MemberSettings:
    """`kafka` holds librdkafka's properties; `name` stands in logs and metrics, and the group is `treadle.<name>`.

    `revoke_within` bounds the wait for what is at work when its partition is taken away. With `notes_deaths` each
    owner of a partition learns whether the one before it left in order (`tenure.py`).
    """

    name: str
    topics: tuple[str, ...]
    kafka: Mapping[str, Any]
    membership: Membership = Membership.COOPERATIVE
    static_id: str | None = None
    revoke_within: timedelta = timedelta(seconds=10)
    notes_deaths: bool = False


class GroupMember:
    """See above. `taken_away` hears of trackers whose partitions belong to somebody else from now on.

    When `ended`, nothing begins any more.
    """

    def __init__(
        self,
        settings: MemberSettings,
        taken_away: Callable[[list[OffsetTracker]], None] | None = None,
        ended: Callable[[], bool] = bool,
    ) -> None:
        self.ready = False
        self.partitions = {topic: Partitions(topic) for topic in settings.topics}
        self._settings = settings
        self._name = settings.name
        self._taken_away = taken_away
        self._ended = ended
        self._paused: set[Place] = set()
        self._leaving = False
        self._consumer = Consumer(
            {
                "group.id": f"treadle.{settings.name}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 5,  # at its default of 1 s the client idles beside a full backlog
                "fetch.max.bytes": 4 * 1024 * 1024,
                "max.partition.fetch.bytes": 128 * 1024,  # compressed; in memory it becomes many times that
                "on_commit": self._on_commit,
                **membership.properties(settings.membership, settings.static_id),
                **kafka_client(),
                **settings.kafka,
            }
        )

    def join(self) -> None:
        """Ask for a share of the partitions; it comes with one of the next polls."""
        topics = list(self._settings.topics)
        self._consumer.subscribe(
            topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def fetch(self, most: int, wait: float) -> list[Any]:
        """What has arrived: waits so many seconds for a first message, then takes what lies ready behind it.

        Raises ConfigError for a missing topic, TreadleError when Kafka has given up on us.
        """
        first = self._consumer.poll(wait)
        if first is None:
            return []
        return self._checked([first, *self._consumer.consume(most, timeout=0)] if most else [first])

    def pause(self, wanted: set[Place]) -> None:
        """Let exactly these partitions be paused."""
        if wanted == self._paused:
            return
        ours = [place for place in self._paused - wanted if place[1] in self.partitions[place[0]].trackers]
        self._consumer.pause([TopicPartition(*place) for place in wanted - self._paused])
        self._consumer.resume([TopicPartition(*place) for place in ours])
        self._paused = wanted

    @property
    def is_paused(self) -> bool:
        """Whether anything is paused."""
        return bool(self._paused)

    @property
    def places(self) -> set[Place]:
        """The partitions that are ours."""
        return {(topic, p) for topic, partitions in self.partitions.items() for p in partitions.trackers}

    @property
    def full(self) -> set[Place]:
        """Partitions of which no more may be admitted for now: their map could outgrow a commit."""
        return {(topic, p) for topic, partitions in self.partitions.items() for p in partitions.full}

    @property
    def deaths(self) -> int:
        """How many owners in a row died at jobs of a partition that is ours, at most."""
        return max((t.tenure.deaths for t in self._trackers() if t.tenure is not None), default=0)

    def commit(self) -> None:
        """Commit what is finished, and go on. What fails is still due the next time."""
        if offsets := _offsets(self._trackers()):
            self._consumer.commit(offsets=offsets, asynchronous=True)

    def leave(self) -> None:
        """Commit what is finished, and give our share to others."""
        self._leaving = True
        self._commit_and_wait(self._trackers())
        self._consumer.close()

    def leave_if_offsets_went_back(self) -> None:
        """Leave then, with commits that no longer speak of jobs that are gone."""
        if any(tracker.came_again is not None for tracker in self._trackers()):
            self.leave()

    def _trackers(self) -> list[OffsetTracker]:
        return [tracker for each in self.partitions.values() for tracker in each.trackers.values()]

    def _checked(self, messages: list[Any]) -> list[Any]:
        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                topic = message.topic() or ", ".join(self._settings.topics)
                raise ConfigError(f"topic {topic} does not exist: `treadle topics apply` makes it")
            elif error.fatal() or error.code() == KafkaError._FATAL:  # the latter as it comes with a message
                raise TreadleError(
                    f"Kafka ended group treadle.{self._name}: {error.str()}. Start this process anew"
                )
            else:
                log.warning("fetch_failed", queue=self._name, error=error.str())
        return good

    def _commit_and_wait(self, trackers: Iterable[OffsetTracker]) -> None:
        for tracker in trackers:
            if tracker.tenure is not None:
                tracker.tenure = tracker.tenure._replace(left=True)
        for place, reason in commits.commit(self._consumer, _offsets(trackers), _REFUSED):
            self._on_commit(reason, [place])

    def _on_commit(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        for place in offsets:
            reason = error or place.error
            metrics.COMMITS.labels(self._name, "failed" if reason else "ok").inc()
            if reason is not None:
                tell = log.info if commits.is_for_a_moment(reason) else log.warning  # it is due again anyway
                tell("commit_failed", queue=self._name, partition=place.partition, error=reason.str())
            else:
                commit = Commit(place.offset, place.metadata or "")
                self.partitions[place.topic].committed(place.partition, commit)

    def _on_assign(self, _: Consumer, places: list[TopicPartition]) -> None:
        """Begin where the last owner stopped: its commit says below what, its map what of the rest."""
        self._tell("assigned", places)
        if self._ended():
            return  # nothing begins any more
        committed = commits.committed(self._consumer, places, _ANSWER, self._ended)
        give_up_at = time.monotonic() + _SAY
        for place in committed:
            self._begin(place, give_up_at)
        if self._settings.membership.is_incremental:
            self._consumer.incremental_assign(committed)
        else:
            self._consumer.assign(committed)
            self._paused = set()
        self.ready = True
        self.commit()  # with the note, before anything starts

    def _begin(self, place: TopicPartition, give_up_at: float) -> None:
        partitions, offset = self.partitions[place.topic], place.offset if place.offset >= 0 else None
        note, text = tenure.split(place.metadata)
        died = note is not None and not note.left
        begin, end = None, None
        known = text or partitions.comes_back(place.partition)
        if known or (self._settings.notes_deaths and (offset is None or died)):
            begin, end = commits.ends(self._consumer, place, give_up_at)
        partitions.begin(place.partition, begin if offset is None else offset, place.metadata, end)
        tracker = partitions.trackers[place.partition]
        if tracker.lost_its_end:
            log.warning("partition_lost_its_end", topic=place.topic, partition=place.partition, end=end)
        if not self._settings.notes_deaths:
            return
        tracker.take_over(end)
        if tracker.tenure is not None and tracker.tenure.deaths and died:
            log.warning(
                "owner_died",
                queue=self._name,
                partition=place.partition,
                in_a_row=tracker.tenure.deaths,
                suspects_below=tracker.tenure.until,
            )

    def _on_revoke(self, _: Consumer, places: list[TopicPartition]) -> None:
        """Start nothing more of these, wait for what is at work, commit."""
        self._tell("revoked", places)
        leaving = self._take_away(places)
        # At the end of the process, what runs has been waited for already.
        patience = 0.0 if self._leaving or self._ended() else self._settings.revoke_within.total_seconds()
        give_up_at = time.monotonic() + patience
        while any(tracker.running for tracker in leaving) and time.monotonic() < give_up_at:
            time.sleep(0.002)
        self._commit_and_wait(leaving)

    def _on_lost(self, _: Consumer, places: list[TopicPartition]) -> None:
        """Another process has these by now: never commit."""
        self._tell("lost", places)
        self._take_away(places)

    def _take_away(self, places: list[TopicPartition]) -> list[OffsetTracker]:
        # The client would have them paused still, should they come back.
        self.pause(self._paused - {(place.topic, place.partition) for place in places})
        leaving = []
        for place in places:
            leaving += self.partitions[place.topic].take_away([place.partition])
        if self._taken_away is not None:
            self._taken_away(leaving)
        return leaving

    def _tell(self, what: str, places: list[TopicPartition]) -> None:
        if len(self.partitions) == 1:
            told = [str(place.partition) for place in places]
        else:
            told = [f"{place.topic}/{place.partition}" for place in places]
        log.info(f"partitions_{what}", queue=self._name, partitions=", ".join(told))
        metrics.REBALANCES.labels(self._name, what).inc()


def _offsets(trackers: Iterable[OffsetTracker]) -> list[TopicPartition]:
    return [
        TopicPartition(tracker.topic, tracker.partition, *commit)
        for tracker in trackers
        if (commit := tracker.commit()) is not None
    ]


def received(message: Any) -> Received:
    """From the client's type, whose methods are typed for messages that carry an error, too.

    The client gives no header of a message in which a name is no UTF-8. Such a message has one that says so, and
    cannot be read as anything.
    """
    try:
        headers = message.headers() or []
    except SystemError as error:
        headers = [(HEADERS_LOST, str(error.__cause__).encode())]
    return Received(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        headers,
        message.timestamp()[1],
    )
