"""Follows a small compacted topic: reads all there is, then whatever arrives. Each process reads all of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from streams.deadline import Deadline
from streams.errors import ConfigError
from streams.kafka.client import no_answer, received
from streams.kafka.reader import OffsetRange, offset_ranges, properties
from streams.message import Received

log = structlog.get_logger()

_MAX_POLL = 500  # messages taken in one poll


class Follower:
    """One thread uses it: first `catch_up`, then `poll`. Close it."""

    def __init__(self, kafka: Mapping[str, Any], topic: str) -> None:
        self._topic = topic
        self._consumer = Consumer(properties(kafka))
        self._unread: dict[int, int] = {}
        """By partition, the end at the start, until it is reached."""

    def catch_up(self, deadline: Deadline) -> Iterator[Received]:
        """Everything written before this call. Raises ConfigError when the topic is missing, or time runs out."""
        ranges = self._ranges(deadline)
        self._unread = {each.partition: each.end for each in ranges if each.begin < each.end}
        self._consumer.assign(
            [TopicPartition(self._topic, each.partition, OFFSET_BEGINNING) for each in ranges]
        )
        while self._unread:
            if deadline.over:
                raise ConfigError(f"{self._topic} could not be read in time. Is Kafka up?")
            yield from self.poll(0.1)

    def poll(self, wait: float) -> list[Received]:
        """What has arrived; waits up to this many seconds for a first message."""
        first = self._consumer.poll(wait)
        messages: list[Any] = (
            [first, *self._consumer.consume(_MAX_POLL, timeout=0)] if first is not None else []
        )
        taken = []
        for message in messages:
            error = message.error()
            if error is None:
                taken.append(received(message))
                self._has_read(message.partition(), message.offset() + 1)
            elif error.code() == KafkaError._PARTITION_EOF:  # the last messages may have been compacted away
                self._unread.pop(message.partition(), None)
            else:
                log.warning("fetch_failed", topic=self._topic, error=error.str())
        return taken

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def _ranges(self, deadline: Deadline) -> list[OffsetRange]:
        """All partitions, to their current end. A broker that has only just started is asked again."""
        while True:
            try:
                return offset_ranges(self._consumer, self._topic, deadline)
            except KafkaException as error:
                if deadline.over:
                    raise no_answer(error) from error
                time.sleep(0.05)

    def _has_read(self, partition: int, to: int) -> None:
        if self._unread and to >= self._unread.get(partition, 0):
            self._unread.pop(partition, None)
