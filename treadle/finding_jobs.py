"""Where a job is now: read from the topics, within a time, for people. Nothing keeps a list of waiting jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from consumers.commits import committed
from consumers.lifecycle import batch_of
from streams.job import Queue
from streams.message import Received
from streams.orders import Order, Ruling, ruling
from streams.redrive import text_of
from streams.topics import LIFECYCLE, Topics, topic_of
from treadle.reading import Span, open_reader, read_batches, spans

_RECENT = 3.0  # seconds that a word of a job at work holds: it is repeated several times a second
_SAY = timedelta(seconds=10)  # that the broker has to say what a group has committed


class Where(StrEnum):
    """What a job was found doing."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "already finished"
    UNKNOWN = "unknown"


class Found(NamedTuple):
    """Where a job is, what tells so, and since when (epoch seconds).

    `lies` is the message of one that waits, in its queue or in a tier. `cut_short`: nothing was found in time.
    """

    where: Where
    told: str
    since: float = 0.0
    lies: Received | None = None
    cut_short: bool = False


def find_job(
    kafka: Mapping[str, Any], topics: Topics, job: str, within: timedelta, order: Order | None = None
) -> Found:
    """Where the job is. The newest trace of it counts; what lies there and is stale by `order` is none.

    Reads what no consumer has committed, what waits in the retry tiers, and the outcomes of the last days. What is
    not found `within` this time is unknown, and what is told says that the search was cut short. Raises TreadleError.
    """
    search = _Search(kafka, job, time.monotonic() + within.total_seconds(), order)
    try:
        groups = {queue.value: [topic_of(queue)] for queue in Queue} | {
            "retries": list(topics.tiers.by_topic)
        }
        for name, of_group in groups.items():
            for places in _uncommitted(kafka, search.reader, name, of_group):
                search.look_in(places)
        search.look_at_outcomes()
    finally:
        search.reader.close()
    return search.found()


class _Search:
    def __init__(self, kafka: Mapping[str, Any], job: str, give_up_at: float, order: Order | None) -> None:
        self.reader = open_reader(kafka)
        self._job = job
        self._give_up_at = give_up_at
        self._order = order
        self._cut_short = False
        self._best = Found(Where.UNKNOWN, "no trace of it")

    def look_in(self, places: list[Span]) -> None:
        """A message that lies there is a trace of a waiting job, from the time it was written."""
        for received in self._messages(places):
            if text_of(received, "ce_id") != self._job or ruling(self._order, received) is Ruling.DROP:
                continue
            self._trace(Found(Where.WAITING, received.topic, received.timestamp / 1000, received))

    def look_at_outcomes(self) -> None:
        """What consumers told of it."""
        mark = self._job.encode()
        for received in self._messages(spans(self.reader, LIFECYCLE)):
            if received.value is None or mark not in received.value:
                continue
            batch = batch_of(received.value)
            for running in batch.running:
                at = received.timestamp / 1000
                if running.job == self._job and at > time.time() - _RECENT:
                    self._trace(Found(Where.RUNNING, batch.process, at))
            for done in batch.finished:
                # One that waits again is found where it lies.
                if done.job == self._job and done.outcome not in ("retrying", "later"):
                    self._trace(Found(Where.FINISHED, done.outcome, done.began_at + done.took))

    def found(self) -> Found:
        """The newest trace."""
        if self._best.where is Where.UNKNOWN and self._cut_short:
            told = "not everything could be searched in time: see --within"
            return Found(Where.UNKNOWN, told, cut_short=True)
        return self._best

    def _trace(self, found: Found) -> None:
        if found.since > self._best.since:
            self._best = found

    def _messages(self, places: list[Span]) -> Iterator[Received]:
        unread = [span for span in places if span.begin < span.end]
        for batch in read_batches(self.reader, unread):
            if time.monotonic() > self._give_up_at:
                self._cut_short = True
                return
            yield from batch.messages


def _uncommitted(
    kafka: Mapping[str, Any], reader: Consumer, name: str, topics: list[str]
) -> Iterator[list[Span]]:
    """Of each topic: what the group of this name has not committed."""
    ours = {"group.id": f"treadle.{name}", "session.timeout.ms": 6_000, "log_level": 0}
    member = Consumer({**ours, **kafka})  # asks, and never joins
    try:
        for topic in topics:
            all_ = spans(reader, topic)
            places = [TopicPartition(span.topic, span.partition) for span in all_]
            begins = {place.partition: place.offset for place in committed(member, places, _SAY)}
            yield [span._replace(begin=max(span.begin, begins[span.partition])) for span in all_]
    finally:
        member.close()
