"""What the demo reads from Kafka: events, finished attempts, dead letters, and what was done with these."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from streams.deadline import Deadline
from streams.errors import ConfigError
from streams.event import Event
from streams.kafka.client import received
from streams.kafka.reader import Reader, properties
from streams.message import Received
from streams.topics import AUDIT, DEAD, EVENTS, LIFECYCLE
from streams.wire.audit import Audit, decode_audit
from streams.wire.facts import decode_fact
from streams.wire.lifecycle import Finished, decode_batch

_ANSWER = 15.0  # seconds that Kafka has for an answer


class TopicReader:
    """Collects everything that appears on the four topics from now on. It joins no group."""

    def __init__(self, kafka: Mapping[str, Any]) -> None:
        self.events: list[Event] = []
        self.finished: list[tuple[str, Finished]] = []
        """Each with the process (host:pid) that reported it."""
        self.dead_letters: list[Received] = []
        self.audits: list[Audit] = []
        self._consumer = Consumer({**properties(kafka), "enable.partition.eof": False})
        self._consumer.assign(_ends(kafka))

    def read(self, timeout: float) -> None:
        """Take in what has arrived; waits up to `timeout` seconds for a first message."""
        first = self._consumer.poll(timeout)
        if first is None:
            return
        for message in [first, *self._consumer.consume(10_000, timeout=0)]:
            if message.error() is None:
                self._take(received(message))

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def _take(self, message: Received) -> None:
        match message.topic:
            case topic if topic == DEAD:
                self.dead_letters.append(message)
            case topic if topic == AUDIT:
                self.audits.append(decode_audit(message.value))
            case topic if topic == LIFECYCLE:
                batch = decode_batch(message.value)
                self.finished += [(batch.process, each) for each in batch.finished]
            case topic:
                fact = decode_fact(topic, message.value)
                if isinstance(fact, Event):
                    self.events.append(fact)


def _ends(kafka: Mapping[str, Any]) -> list[TopicPartition]:
    """The present end of every partition. Raises ConfigError."""
    deadline = Deadline(_ANSWER)
    with Reader(kafka) as reader:
        while True:
            try:
                found = [each for topic in (EVENTS, LIFECYCLE, DEAD, AUDIT) for each in reader.ranges(topic)]
                return [TopicPartition(each.topic, each.partition, each.end) for each in found]
            except ConfigError:  # a partition created a moment ago may not have a leader yet
                if deadline.over:
                    raise
                time.sleep(0.02)
