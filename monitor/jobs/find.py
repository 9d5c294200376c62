"""Where a job is now: read from the topics, within a time limit, for people. Nothing keeps a list of waiting jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from streams.deadline import Deadline
from streams.headers import ID, text_of
from streams.job import Queue
from streams.kafka.client import RETRIES, group_named
from streams.kafka.commits import committed_by
from streams.kafka.reader import OffsetRange, Reader
from streams.message import Received
from streams.overrides.message import Override, Ruling, ruling
from streams.topics import LIFECYCLE, Topics, topic_of
from streams.wire.lifecycle import decode_batch

_RECENT = 3.0  # seconds for which a report of a job in flight is valid: it is repeated several times a second
_ANSWER = timedelta(seconds=10)  # for the broker to report what a group has committed
_NOT_FINAL = ("retrying", "snoozed", "scheduled")
"""Outcomes after which a job waits again, and is found where it waits."""


class Where(StrEnum):
    """The state in which a job was found."""

    WAITING = "waiting"
    IN_FLIGHT = "in flight"
    FINISHED = "already finished"
    UNKNOWN = "unknown"


class Found(NamedTuple):
    """Where a job is, the evidence, and since when (epoch seconds).

    `message` is that of a waiting job, in its queue or in a tier. `cut_short`: nothing was found in time.
    """

    where: Where
    detail: str
    since: float = 0.0
    message: Received | None = None
    cut_short: bool = False


def find_job(
    kafka: Mapping[str, Any],
    topics: Topics,
    job: str,
    within: timedelta,
    override: Override | None = None,
) -> Found:
    """Where the job is. Its newest trace counts; a message that `override` makes stale does not.

    Reads what no consumer has committed, what waits in the retry tiers, and the outcomes still in `jobs.lifecycle`. A
    job not found `within` this time is unknown, and the detail says that the search was cut short. Raises TreadleError.
    """
    groups = {queue.value: [topic_of(queue)] for queue in Queue} | {RETRIES: list(topics.tiers.by_topic)}
    with Reader(kafka) as reader:
        search = _Search(reader, job, Deadline(within), override)
        for name, of_group in groups.items():
            for ranges in _uncommitted(kafka, reader, name, of_group):
                search.look_in(ranges)
        search.look_at_outcomes()
        return search.found()


class _Search:
    def __init__(self, reader: Reader, job: str, deadline: Deadline, override: Override | None) -> None:
        self._reader = reader
        self._job = job
        self._deadline = deadline
        self._override = override
        self._cut_short = False
        self._best = Found(Where.UNKNOWN, "no trace of it")

    def look_in(self, ranges: list[OffsetRange]) -> None:
        """A message in these ranges is a trace of a waiting job, from the time it was written."""
        for received in self._messages(ranges):
            is_ours = text_of(received.headers, ID) == self._job
            if is_ours and ruling(self._override, received) is not Ruling.DROP:
                self._trace(Found(Where.WAITING, received.topic, received.timestamp / 1000, received))

    def look_at_outcomes(self) -> None:
        """What consumers have reported about the job."""
        mark = self._job.encode()
        for received in self._messages(self._reader.ranges(LIFECYCLE)):
            if received.value is None or mark not in received.value:
                continue
            batch = decode_batch(received.value)
            at = received.timestamp / 1000
            for job in batch.in_flight:
                if job.job == self._job and at > time.time() - _RECENT:
                    self._trace(Found(Where.IN_FLIGHT, batch.process, at))
            for done in batch.finished:
                if done.job == self._job and done.outcome not in _NOT_FINAL:
                    self._trace(Found(Where.FINISHED, done.outcome, done.began_at + done.took))

    def found(self) -> Found:
        """The newest trace."""
        if self._best.where is Where.UNKNOWN and self._cut_short:
            detail = "the search was cut short: try a larger --within"
            return Found(Where.UNKNOWN, detail, cut_short=True)
        return self._best

    def _trace(self, found: Found) -> None:
        if found.since > self._best.since:
            self._best = found

    def _messages(self, ranges: list[OffsetRange]) -> Iterator[Received]:
        for batch in self._reader.batches(ranges):
            if self._deadline.over:
                self._cut_short = True
                return
            yield from batch.messages


def _uncommitted(
    kafka: Mapping[str, Any], reader: Reader, name: str, topics: list[str]
) -> Iterator[list[OffsetRange]]:
    """By topic, the ranges that the group of this name has not committed."""
    by_topic = [reader.ranges(topic) for topic in topics]
    partitions = [(each.topic, each.partition) for ranges in by_topic for each in ranges]
    begins = committed_by(kafka, group_named(name), partitions, _ANSWER)
    for ranges in by_topic:
        yield [each._replace(begin=max(each.begin, begins[each.topic, each.partition])) for each in ranges]
