"""Reads topics from one offset to another, without joining a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.deadline import Deadline
from streams.errors import TreadleError
from streams.kafka.client import missing, no_answer, through_our_log
from streams.kafka.client import received as as_received
from streams.message import Received

_ANSWER = 10.0  # seconds for the broker to answer
_PATIENCE = 30.0  # seconds without any message before we give up
MAX_BATCH = 1_000
MAX_BATCH_BYTES = 8 * 1024 * 1024


class OffsetRange(NamedTuple):
    """A range of offsets of one partition, without `end`."""

    topic: str
    partition: int
    begin: int
    end: int


class Batch(NamedTuple):
    """Messages of some partitions, and the next offset of each."""

    messages: list[Received]
    next_offsets: dict[int, int]


def properties(kafka: Mapping[str, Any]) -> dict[str, Any]:
    """Properties of a consumer that reads without joining a group."""
    return {
        "group.id": "treadle.reader",  # required, but never joined: nothing is subscribed, nothing committed
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "session.timeout.ms": 6_000,  # unused, but max.poll.interval.ms may not be lower
        "auto.offset.reset": "earliest",
        "fetch.queue.backoff.ms": 5,
        "queued.max.messages.kbytes": MAX_BATCH_BYTES // 1024,
        **through_our_log(),
        **kafka,
    }


def offset_ranges(consumer: Consumer, topic: str, deadline: Deadline) -> list[OffsetRange]:
    """All partitions of a topic, from their first message to their current end.

    Raises ConfigError when the topic does not exist, KafkaException when Kafka does not answer.
    """
    found = consumer.list_topics(topic, timeout=deadline.left).topics[topic]
    if found.error is not None and found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise missing(topic)
    if found.error is not None:
        raise KafkaException(found.error)
    if not found.partitions:  # it is just being created, or deleted
        raise missing(topic)
    ranges = []
    for number in sorted(found.partitions):
        marks = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=deadline.left)
        ranges.append(OffsetRange(topic, number, *marks))
    return ranges


class Reader:
    """A connection that reads one topic after the other. A context manager."""

    def __init__(self, kafka: Mapping[str, Any]) -> None:
        # The broker answers every question behind a fetch: one that finds nothing is not to hold it up.
        self._consumer = Consumer({"fetch.wait.max.ms": 10, **properties(kafka)})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def ranges(self, topic: str) -> list[OffsetRange]:
        """As `offset_ranges`; raises ConfigError also when Kafka does not answer."""
        try:
            return offset_ranges(self._consumer, topic, Deadline(_ANSWER))
        except KafkaException as error:
            raise no_answer(error) from error

    def batches(self, wanted: list[OffsetRange]) -> Iterator[Batch]:
        """All messages of these ranges of one topic, in order within each partition.

        A batch has at most 1,000 messages and not much more than 8 MiB. Raises TreadleError when Kafka stops answering.
        """
        left = {each.partition: each for each in wanted if each.begin < each.end}
        if not left:
            return
        topic = wanted[0].topic
        self._consumer.assign([TopicPartition(topic, each.partition, each.begin) for each in left.values()])
        try:
            yield from self._batches(topic, left)
        finally:  # also for a caller that stops early: later questions would wait behind its fetches
            self._consumer.unassign()

    def _batches(self, topic: str, left: dict[int, OffsetRange]) -> Iterator[Batch]:
        batch, size, deadline = Batch([], {}), 0, Deadline(_PATIENCE)
        while left:
            messages = self._consumer.consume(50, timeout=0.05)
            if messages:
                deadline = Deadline(_PATIENCE)
            elif deadline.over:
                raise TreadleError(f"Kafka sent nothing of {topic} for {_PATIENCE:.0f} s. Is it up?")
            for message in messages:
                size += _take(message, left, batch)
            if batch.next_offsets and (
                len(batch.messages) >= MAX_BATCH or size > MAX_BATCH_BYTES or not left
            ):
                yield batch
                batch, size = Batch([], {}), 0


def _take(message: Any, left: dict[int, OffsetRange], batch: Batch) -> int:
    """Put a message into the batch if it belongs there, and return its size in bytes."""
    wanted = left.get(message.partition())
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        if error.retriable() or wanted is None:
            return 0
        raise TreadleError(f"{wanted.topic} cannot be read: {error.str()}")
    if wanted is None:
        return 0
    if error is not None:  # at the end of the partition: what is left of the range holds no messages
        batch.next_offsets[wanted.partition] = max(message.offset(), wanted.begin)
        del left[wanted.partition]
        return 0
    received = as_received(message)
    if received.offset < wanted.end:
        batch.messages.append(received)
        batch.next_offsets[wanted.partition] = received.offset + 1
    if received.offset + 1 >= wanted.end:
        del left[wanted.partition]
    return len(received.value or b"") + len(received.key or b"")
