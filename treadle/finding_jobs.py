"""Where a job is now: read from the topics, within a time, for people. Nothing keeps a list of waiting jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

import msgspec
from confluent_kafka import Consumer, TopicPartition

from consumers.lifecycle import Batch
from streams.job import Queue
from streams.message import Received
from streams.redrive import text_of
from streams.topics import LIFECYCLE, Topics, topic_of
from treadle.reading import Span, open_reader, read_batches, spans

_decode = msgspec.json.Decoder(Batch).decode
_RECENT = 3.0  # seconds that a word of a job at work holds: it is repeated several times a second


class Where(StrEnum):
    """What a job was found doing."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "already finished"
    UNKNOWN = "unknown"


def find_job(kafka: Mapping[str, Any], topics: Topics, job: str, within: timedelta) -> tuple[Where, str]:
    """Where the job is, and what tells so. The newest trace of it counts.

    Reads what no consumer has committed, the retry tiers and the outcomes of the last days; what is not found
    `within` this time is unknown, and the second word says that the search was cut short.
    """
    search = _Search(kafka, job, time.monotonic() + within.total_seconds())
    try:
        for queue in Queue:
            search.look_in(_uncommitted(kafka, search.reader, queue))
        for topic in topics.by_name.values():
            if topic.delay is not None:
                search.look_in(spans(search.reader, topic.name))
        search.look_at_outcomes()
    finally:
        search.reader.close()
    return search.found()


class _Search:
    def __init__(self, kafka: Mapping[str, Any], job: str, give_up_at: float) -> None:
        self.reader = open_reader(kafka)
        self._job = job
        self._give_up_at = give_up_at
        self._cut_short = False
        self._best: tuple[float, Where, str] = (0.0, Where.UNKNOWN, "")

    def look_in(self, places: list[Span]) -> None:
        """A message that lies there is a trace of a waiting job, from the time it was written."""
        for received in self._messages(places):
            if text_of(received, "ce_id") == self._job:
                self._trace(received.timestamp / 1000, Where.WAITING, received.topic)

    def look_at_outcomes(self) -> None:
        """What consumers told of it."""
        mark = self._job.encode()
        for received in self._messages(spans(self.reader, LIFECYCLE)):
            if received.value is None or mark not in received.value:
                continue
            batch = _decode(received.value)
            for running in batch.running:
                at = received.timestamp / 1000
                if running.job == self._job and at > time.time() - _RECENT:
                    self._trace(at, Where.RUNNING, batch.process)
            for done in batch.finished:
                if done.job == self._job:
                    where = Where.WAITING if done.outcome in ("retrying", "later") else Where.FINISHED
                    self._trace(done.began_at + done.took, where, done.outcome)

    def found(self) -> tuple[Where, str]:
        """The newest trace."""
        _, where, why = self._best
        if where is Where.UNKNOWN:
            return where, "not everything could be searched in time" if self._cut_short else "no trace of it"
        return where, why

    def _trace(self, at: float, where: Where, why: str) -> None:
        self._best = max(self._best, (at, where, why), key=lambda trace: trace[0])

    def _messages(self, places: list[Span]) -> Iterator[Received]:
        unread = [span for span in places if span.begin < span.end]
        for batch in read_batches(self.reader, unread):
            if time.monotonic() > self._give_up_at:
                self._cut_short = True
                return
            yield from batch.messages


def _uncommitted(kafka: Mapping[str, Any], reader: Consumer, queue: Queue) -> list[Span]:
    """What the queue's group has not committed."""
    ours = {"group.id": f"treadle.{queue.value}", "session.timeout.ms": 6_000, "log_level": 0}
    member = Consumer({**ours, **kafka})  # asks, and never joins
    try:
        all_ = spans(reader, topic_of(queue))
        places = [TopicPartition(span.topic, span.partition) for span in all_]
        committed = {place.partition: place.offset for place in member.committed(places, timeout=10)}
    finally:
        member.close()
    return [span._replace(begin=max(span.begin, committed[span.partition])) for span in all_]
