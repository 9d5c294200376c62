"""Reads topics from one offset to another, for commands: without a group, and with nothing committed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.group_member import received as as_received
from streams.errors import ConfigError, TreadleError
from streams.logs import kafka_client
from streams.message import Received

_ANSWER = 10.0  # seconds that the broker has for an answer
_PATIENCE = 30.0  # seconds without any message before we give up
_MOST = 1_000
_MOST_BYTES = 8 * 1024 * 1024


class Span(NamedTuple):
    """A stretch of one partition: `end` is the offset after its last."""

    topic: str
    partition: int
    begin: int
    end: int


class Batch(NamedTuple):
    """Messages of some partitions, and the next offset of each."""

    messages: list[Received]
    next_offsets: dict[int, int]


def open_reader(kafka: Mapping[str, Any]) -> Consumer:
    """A consumer to read with. Close it."""
    return Consumer(
        {
            "group.id": "treadle.reader",  # never joined: nothing is subscribed, nothing committed
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "session.timeout.ms": 6_000,  # no group, no session; but max.poll.interval.ms may not be less
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 5,
            "queued.max.messages.kbytes": _MOST_BYTES // 1024,
            **kafka_client(),
            **kafka,
        }
    )


def spans(reader: Consumer, topic: str) -> list[Span]:
    """All partitions of a topic, from their first message to what is their end now.

    Raises ConfigError when there is no such topic, or nobody answers.
    """
    try:
        found = reader.list_topics(topic, timeout=_ANSWER).topics[topic]
        if found.error is not None or not found.partitions:
            raise ConfigError(f"topic {topic} does not exist: `treadle topics apply` makes it")
        return [
            Span(topic, number, *reader.get_watermark_offsets(TopicPartition(topic, number), timeout=_ANSWER))
            for number in sorted(found.partitions)
        ]
    except KafkaException as error:
        raise ConfigError(
            f"Kafka does not answer: {error.args[0].str()}. `treadle check` looks at what is wrong"
        ) from error


def read_batches(reader: Consumer, wanted: list[Span]) -> Iterator[Batch]:
    """All messages of these spans of one topic, in the order of each partition.

    A batch has at most 1,000 messages and not much more than 8 MiB. Raises TreadleError when Kafka stops answering.
    """
    left = {span.partition: span for span in wanted}
    if not left:
        return
    reader.assign([TopicPartition(span.topic, span.partition, span.begin) for span in wanted])
    batch, size, give_up_at = Batch([], {}), 0, time.monotonic() + _PATIENCE
    while left:
        messages = reader.consume(50, timeout=0.05)
        if messages:
            give_up_at = time.monotonic() + _PATIENCE
        elif time.monotonic() > give_up_at:
            raise TreadleError(f"Kafka sent nothing of {wanted[0].topic} for {_PATIENCE:.0f} s. Is it up?")
        for message in messages:
            size += _take(message, left, batch)
        if batch.next_offsets and (len(batch.messages) >= _MOST or size > _MOST_BYTES or not left):
            yield batch
            batch, size = Batch([], {}), 0
    reader.unassign()


def _take(message: Any, left: dict[int, Span], batch: Batch) -> int:
    """Put a message into the batch if it belongs there; its size in bytes."""
    span = left.get(message.partition())
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        if error.retriable() or span is None:
            return 0
        raise TreadleError(f"{span.topic} cannot be read: {error.str()}")
    if span is None:
        return 0
    if error is not None:  # at the end of the partition: what is left of the span holds no messages
        batch.next_offsets[span.partition] = max(message.offset(), span.begin)
        del left[span.partition]
        return 0
    received = as_received(message)
    if received.offset < span.end:
        batch.messages.append(received)
        batch.next_offsets[span.partition] = received.offset + 1
    if received.offset + 1 >= span.end:
        del left[span.partition]
    return len(received.value or b"") + len(received.key or b"")
