"""Keeps the demo off a Kafka that others use: its processes would take their jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.errors import ConfigError
from streams.job import Queue
from streams.kafka.client import AGENTS, RETRIES, group_named
from streams.kafka.commits import committed_by
from streams.kafka.reader import OffsetRange, Reader
from streams.topics import EVENTS, TICKS, topic_of

_ANSWER = 15.0  # seconds that Kafka has for an answer
_TOPICS = {
    **{group_named(queue.value): (topic_of(queue),) for queue in Queue},
    group_named(AGENTS): (EVENTS, TICKS),
}


def refuse_a_busy_kafka(kafka: Mapping[str, Any], tiers: Iterable[str]) -> None:
    """Raises ConfigError when one of our consumer groups has members there, or jobs, events or ticks to read.

    `tiers` are the topics in which jobs wait until they are due.
    """
    topics_of = {**_TOPICS, group_named(RETRIES): tuple(tiers)}
    admin = AdminClient({"log_level": 0, **kafka})
    try:
        groups = admin.describe_consumer_groups(list(topics_of), request_timeout=_ANSWER)
        existing = admin.list_topics(timeout=_ANSWER).topics
    except KafkaException as error:
        raise ConfigError(f"Kafka does not answer: {error.args[0].str()}. Is TREADLE_KAFKA right?") from error
    for group, future in groups.items():
        if _members(future):
            raise ConfigError(
                f"the group {group} has members on the given Kafka: the demo would take their jobs. "
                "Stop its members, or unset TREADLE_KAFKA for a Kafka of its own"
            )
    with Reader(kafka) as reader:
        for group, topics in topics_of.items():
            found = [each for topic in topics if topic in existing for each in reader.ranges(topic)]
            if unread := _unread(kafka, group, found):
                raise ConfigError(
                    f"the group {group} has not processed all messages on the given Kafka ({unread:,} are left): "
                    "the demo would process them on its practice co-op. Wait until they are processed, "
                    "or unset TREADLE_KAFKA for a Kafka of its own"
                )


def _members(future: Any) -> int:
    try:
        return len(future.result().members)
    except KafkaException:  # the group does not exist yet
        return 0


def _unread(kafka: Mapping[str, Any], group: str, ranges: list[OffsetRange]) -> int:
    """How many of these messages the group has not committed."""
    partitions = [(each.topic, each.partition) for each in ranges]
    committed = committed_by(kafka, group, partitions, timedelta(seconds=_ANSWER))
    return sum(each.end - max(each.begin, committed[each.topic, each.partition]) for each in ranges)
