"""What the tour reads back from Kafka: events, facts about jobs, dead letters, and what was done with these."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from consumers.lifecycle import Finished, batch_of
from streams.audit import Audit, decode_audit
from streams.codec import decode_fact
from streams.errors import ConfigError
from streams.event import Event
from streams.logs import kafka_client
from streams.message import Received
from streams.topics import AUDIT, DEAD, EVENTS, LIFECYCLE

_ANSWER = 15.0  # seconds that Kafka has for an answer


class Log:
    """Everything that appears on the four topics from now on. Reads without a group, so disturbs nobody."""

    def __init__(self, kafka: Mapping[str, Any]) -> None:
        self.events: list[Event] = []
        self.finished: list[tuple[str, Finished]] = []
        """Each with the process (host:pid) that told it."""
        self.dead: list[Received] = []
        self.audits: list[Audit] = []
        self._consumer = Consumer(
            {
                "group.id": "treadle.demo",
                "enable.auto.commit": False,
                "fetch.queue.backoff.ms": 5,
                **kafka_client(),
                **kafka,
            }
        )
        try:
            self._consumer.assign([self._end(place) for place in self._places()])
        except KafkaException as error:
            raise ConfigError(f"Kafka does not answer: {error.args[0].str()}") from error

    def read(self, timeout: float) -> int:
        """Take in what has arrived; waits so many seconds for a first message. How many there were."""
        first = self._consumer.poll(timeout)
        if first is None:
            return 0
        messages = [first, *self._consumer.consume(10_000, timeout=0)]
        for message in messages:
            if message.error() is None:
                self._take(_received(message))
        return len(messages)

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def _places(self) -> list[TopicPartition]:
        return [
            TopicPartition(topic, partition)
            for topic in (EVENTS, LIFECYCLE, DEAD, AUDIT)
            for partition in self._consumer.list_topics(topic, timeout=_ANSWER).topics[topic].partitions
        ]

    def _end(self, place: TopicPartition) -> TopicPartition:
        give_up_at = time.monotonic() + _ANSWER
        while True:
            try:
                _, end = self._consumer.get_watermark_offsets(place, timeout=_ANSWER)
                break
            except KafkaException:  # a partition made a moment ago may not have its leader yet
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.02)
        return TopicPartition(place.topic, place.partition, end)

    def _take(self, received: Received) -> None:
        match received.topic:
            case topic if topic == DEAD:
                self.dead.append(received)
            case topic if topic == AUDIT:
                self.audits.append(decode_audit(received.value))
            case topic if topic == LIFECYCLE:
                told = batch_of(received.value)
                self.finished += [(told.process, each) for each in told.finished]
            case topic:
                fact = decode_fact(topic, received.value)
                if isinstance(fact, Event):
                    self.events.append(fact)


def _received(message: KafkaMessage) -> Received:
    return Received(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=message.key(),
        value=message.value(),
        headers=message.headers() or [],  # type: ignore[arg-type]  # the stub wants a union
        timestamp=message.timestamp()[1],
    )
