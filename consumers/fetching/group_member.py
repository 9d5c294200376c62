"""A member of a consumer group: fetches its share of some topics, and commits what is finished.

This is where partitions are taken over and given up. One thread uses it; the client runs its callbacks inside that
thread's polls. What becomes of the messages is up to its owner (`kafka_fetcher.py`, `consumers/retries/process.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumers.fetching import membership
from consumers.fetching.membership import Membership
from consumers.fetching.partitions import Partitions
from consumers.offsets.commit import Commit, Committed
from consumers.offsets.tracker import OffsetTracker
from streams.deadline import Deadline
from streams.errors import TreadleError
from streams.kafka import commits
from streams.kafka.client import group_named, missing, through_our_log
from streams.process import metrics

log = structlog.get_logger()

Share = set[tuple[str, int]]
"""A set of partitions, each a topic and a number."""

_ANSWER = timedelta(seconds=30)  # for the broker to report what was committed
_WATERMARKS = timedelta(seconds=2)  # for it to report the watermarks of the assigned partitions
_NOTED = timedelta(
    milliseconds=200
)  # for committing the note of ownership; while the group changes, it goes later
_REFUSED = timedelta(seconds=3)  # for retrying a last commit; other members may be waiting for this one


@dataclass(frozen=True)
class MemberSettings:
    """`kafka` holds librdkafka's properties; `name` appears in logs and metrics, and names the group.

    `revoke_within` limits the wait for jobs in flight when their partition is taken away. With `notes_deaths` each
    owner of a partition learns whether the previous one left cleanly (`consumers/offsets/ownership.py`).
    """

    name: str
    topics: tuple[str, ...]
    kafka: Mapping[str, Any]
    membership: Membership = Membership.COOPERATIVE
    static_id: str | None = None
    revoke_within: timedelta = timedelta(seconds=10)
    notes_deaths: bool = False


class GroupMember:
    """A member of one consumer group. `taken_away` is called with the trackers of partitions no longer owned here.

    Once `ended` returns True, no further partition is begun.
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
        self._paused: Share = set()
        self._leaving = False
        self._consumer = Consumer(
            {
                "group.id": group_named(settings.name),
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 5,  # at its default of 1 s the client idles beside a full backlog
                "fetch.max.bytes": 4 * 1024 * 1024,
                "max.partition.fetch.bytes": 128 * 1024,  # compressed; it takes many times that in memory
                "on_commit": self._on_commit,
                **membership.properties(settings.membership, settings.static_id),
                **through_our_log(),
                **settings.kafka,
            }
        )

    def join(self) -> None:
        """Join the group; a share of the partitions is assigned during one of the next polls."""
        topics = list(self._settings.topics)
        self._consumer.subscribe(
            topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def fetch(self, most: int, wait: float) -> list[Any]:
        """Messages that have arrived: waits up to `wait` seconds for the first, then takes up to `most` more.

        Raises ConfigError for a missing topic, TreadleError when the client failed for good.
        """
        first = self._consumer.poll(wait)
        if first is None:
            return []
        return self._checked([first, *self._consumer.consume(most, timeout=0)] if most else [first])

    def pause(self, wanted: Share) -> None:
        """Pause exactly these partitions, and resume all others."""
        if wanted == self._paused:
            return
        resumed = self._paused - wanted
        ours = [(topic, number) for topic, number in resumed if number in self.partitions[topic].trackers]
        self._consumer.pause([TopicPartition(*each) for each in wanted - self._paused])
        self._consumer.resume([TopicPartition(*each) for each in ours])
        self._paused = wanted

    @property
    def is_paused(self) -> bool:
        """Whether any partition is paused."""
        return bool(self._paused)

    @property
    def share(self) -> Share:
        """The partitions it owns."""
        return {(topic, p) for topic, partitions in self.partitions.items() for p in partitions.trackers}

    @property
    def full(self) -> Share:
        """Partitions from which nothing more may be admitted for now: their map could outgrow a commit."""
        return {(topic, p) for topic, partitions in self.partitions.items() for p in partitions.full}

    @property
    def deaths(self) -> int:
        """How many owners in a row have died at jobs of one of its partitions: the highest number of all."""
        return max((tracker.deaths for tracker in self._trackers()), default=0)

    def commit(self) -> None:
        """Commit what is finished, without waiting. A commit that fails is made again the next time."""
        if offsets := _offsets(self._trackers()):
            self._consumer.commit(offsets=offsets, asynchronous=True)

    def leave(self) -> None:
        """Commit what is finished, and leave the group."""
        self._leaving = True
        self._leave(self._trackers())
        self._consumer.close()

    def leave_if_truncated(self) -> None:
        """If a partition was truncated while owned here, leave with commits that do not refer to lost jobs."""
        if any(tracker.went_back for tracker in self._trackers()):
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
                raise missing(topic)
            elif error.fatal() or error.code() == KafkaError._FATAL:  # the latter is how a message reports it
                group = group_named(self._name)
                raise TreadleError(f"Kafka ended group {group}: {error.str()}. Restart this process")
            else:
                log.warning("fetch_failed", queue=self._name, error=error.str())
        return good

    def _leave(self, trackers: Iterable[OffsetTracker]) -> None:
        for tracker in trackers:
            tracker.leave()
        self._commit_and_wait(trackers, _REFUSED)

    def _commit_and_wait(self, trackers: Iterable[OffsetTracker], within: timedelta) -> None:
        for offset, reason in commits.commit(self._consumer, _offsets(trackers), within):
            self._on_commit(reason, [offset])

    def _on_commit(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        for each in offsets:
            reason = error or each.error
            metrics.COMMITS.labels(self._name, "failed" if reason else "ok").inc()
            if reason is not None:
                # It is made again in any case.
                write = log.info if commits.is_for_a_moment(reason) else log.warning
                write("commit_failed", queue=self._name, partition=each.partition, error=reason.str())
            else:
                commit = Commit(each.offset, each.metadata or "")
                self.partitions[each.topic].committed(each.partition, commit)

    def _on_assign(self, _: Consumer, assigned: list[TopicPartition]) -> None:
        """Begin where the last owner stopped: all below its commit is finished, and above it what its map says."""
        self._log("assigned", assigned)
        if self._ended():
            return
        committed = commits.committed(self._consumer, assigned, _ANSWER, self._ended)
        deadline = Deadline(_WATERMARKS)
        for each in committed:
            self._begin(each, deadline)
        if self._settings.membership.is_incremental:
            self._consumer.incremental_assign(committed)
        else:
            self._consumer.assign(committed)
            self._paused = set()
        self.ready = True
        # The note of ownership has to be in Kafka before any job starts: a job may kill this process at once.
        self._commit_and_wait(self._trackers(), _NOTED)

    def _begin(self, assigned: TopicPartition, deadline: Deadline) -> None:
        topic, number = assigned.topic, assigned.partition
        partitions, notes_deaths = self.partitions[topic], self._settings.notes_deaths
        found = Committed.read(assigned.offset if assigned.offset >= 0 else None, assigned.metadata)
        begin, end = None, None
        known = found.map or partitions.comes_back(number)
        if known or (notes_deaths and (found.offset is None or found.owner_died)):
            begin, end = commits.watermarks(self._consumer, assigned, deadline)
        if found.offset is None:
            found = found._replace(offset=begin)
        tracker = partitions.begin(number, found, end)
        if tracker.truncated:
            log.warning("partition_truncated", topic=topic, partition=number, end=end)
        if not notes_deaths:
            return
        tracker.take_over(end)
        if tracker.deaths and found.owner_died:
            suspects = tracker.suspects_below
            log.warning(
                "owner_died",
                queue=self._name,
                partition=number,
                in_a_row=tracker.deaths,
                suspects_below=suspects,
            )

    def _on_revoke(self, _: Consumer, revoked: list[TopicPartition]) -> None:
        """Start no more jobs of these, wait for those in flight, and commit."""
        self._log("revoked", revoked)
        leaving = self._take_away(revoked)
        # When the process stops, jobs in flight have been waited for already.
        deadline = Deadline(0 if self._leaving or self._ended() else self._settings.revoke_within)
        while any(tracker.in_flight for tracker in leaving) and not deadline.over:
            time.sleep(0.002)
        self._leave(leaving)

    def _on_lost(self, _: Consumer, lost: list[TopicPartition]) -> None:
        """Another process owns these by now: do not commit."""
        self._log("lost", lost)
        self._take_away(lost)

    def _take_away(self, partitions: list[TopicPartition]) -> list[OffsetTracker]:
        # Otherwise the client would still have them paused if they came back.
        self.pause(self._paused - {(each.topic, each.partition) for each in partitions})
        leaving = []
        for each in partitions:
            leaving += self.partitions[each.topic].take_away([each.partition])
        if self._taken_away is not None:
            self._taken_away(leaving)
        return leaving

    def _log(self, what: str, partitions: list[TopicPartition]) -> None:
        if len(self.partitions) == 1:
            names = [str(each.partition) for each in partitions]
        else:
            names = [f"{each.topic}/{each.partition}" for each in partitions]
        log.info(f"partitions_{what}", queue=self._name, partitions=", ".join(names))
        metrics.REBALANCES.labels(self._name, what).inc()


def _offsets(trackers: Iterable[OffsetTracker]) -> list[TopicPartition]:
    return [
        TopicPartition(tracker.topic, tracker.partition, *commit)
        for tracker in trackers
        if (commit := tracker.commit()) is not None
    ]
