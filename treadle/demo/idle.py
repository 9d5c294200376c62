"""Keeps the tour off a Kafka that others use: its processes would take their jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.errors import ConfigError
from streams.job import Queue
from streams.topics import EVENTS, TICKS, topic_of

_ANSWER = 15.0  # seconds that Kafka has for an answer
_READS = {
    **{f"treadle.{queue.value}": (topic_of(queue),) for queue in Queue},
    "treadle.agents": (EVENTS, TICKS),
}


def refuse_a_busy_kafka(kafka: Mapping[str, Any], tiers: Iterable[str]) -> None:
    """Raises ConfigError when somebody of ours is at work there, or jobs, events or ticks wait for one.

    `tiers` are the topics in which jobs wait to be due.
    """
    reads = {**_READS, "treadle.retries": tuple(tiers)}
    admin = AdminClient({"log_level": 0, **kafka})
    reader = Consumer({"group.id": "treadle.demo", "log_level": 0, **kafka})
    try:
        for group, future in admin.describe_consumer_groups(list(reads), request_timeout=_ANSWER).items():
            if _members(future):
                raise ConfigError(
                    f"consumers of the group {group} are at work on the given Kafka: the demo would take "
                    "their jobs. Stop them, or unset TREADLE_KAFKA for a Kafka of its own"
                )
        known = reader.list_topics(timeout=_ANSWER).topics
        for group, topics in reads.items():
            places = [
                TopicPartition(name, p) for name in topics if name in known for p in known[name].partitions
            ]
            if waiting := sum(_waiting(reader, place) for place in _committed(admin, group, places)):
                raise ConfigError(
                    f"the given Kafka holds work for {group} ({waiting:,} to read): the demo would perform "
                    "it on its practice co-op. Let it be done, or unset TREADLE_KAFKA for a Kafka of its own"
                )
    except KafkaException as error:
        raise ConfigError(f"Kafka does not answer: {error.args[0].str()}. Is TREADLE_KAFKA right?") from error
    finally:
        reader.close()


def _members(future: Any) -> int:
    try:
        return len(future.result().members)
    except KafkaException:  # there is no such group yet
        return 0


def _committed(admin: AdminClient, group: str, places: list[TopicPartition]) -> list[TopicPartition]:
    if not places:
        return []
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])
    try:
        found = asked[group].result().topic_partitions
    except KafkaException:  # there is no such group yet
        return places
    return list(found or [])


def _waiting(reader: Consumer, place: TopicPartition) -> int:
    first, end = reader.get_watermark_offsets(place, timeout=_ANSWER)
    return end - max(first, place.offset)
