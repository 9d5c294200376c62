"""Compares Kafka with `topics.yaml`, and applies the differences. Never deletes, never shrinks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from streams.errors import ConfigError
from streams.topics import Topic, Topics

_ANSWER = 15.0  # seconds for the broker to answer


@dataclass(frozen=True)
class Existing:
    """A topic as it is in Kafka."""

    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """One difference. `what` is create, add partitions, set, or (not applied) note."""

    topic: str
    what: str
    why: str
    replication: int = 0
    partitions: int = 0
    settings: tuple[tuple[str, str], ...] = ()


def differences(topics: Topics, existing: Mapping[str, Existing], brokers: int) -> list[Change]:
    """The changes that would make Kafka match the plan, and notes on what stays as it is."""
    changes = []
    for topic in topics.by_name.values():
        changes += _differences(topic, existing.get(topic.name), min(topic.replication, brokers))
    return changes


def _differences(topic: Topic, found: Existing | None, replication: int) -> list[Change]:
    wanted = topic.config(replication)
    if found is None:
        why = f"{topic.partitions} partitions, {replication} of {topic.replication} copies"
        return [Change(topic.name, "create", why, replication, topic.partitions, tuple(wanted.items()))]
    changes = []
    if found.partitions < topic.partitions:
        why = f"{found.partitions} → {topic.partitions}; keys change partitions, so order by key breaks once"
        changes.append(Change(topic.name, "add partitions", why, partitions=topic.partitions))
    elif found.partitions > topic.partitions:
        why = f"has {found.partitions} partitions, {topic.partitions} are planned; partitions never shrink"
        changes.append(Change(topic.name, "note", why))
    settings = tuple((name, value) for name, value in wanted.items() if found.config.get(name) != value)
    if settings:
        why = ", ".join(f"{name}: {found.config.get(name)} → {value}" for name, value in settings)
        changes.append(Change(topic.name, "set", why, settings=settings))
    return changes


class TopicAdmin:
    """Compares and changes the topics of a Kafka cluster. Raises ConfigError when it does not answer."""

    def __init__(self, kafka: Mapping[str, Any]) -> None:
        self._servers = kafka["bootstrap.servers"]
        self._admin = AdminClient({"log_level": 0, **kafka})

    def plan(self, topics: Topics) -> list[Change]:
        """What differs from the plan, in the order of the plan."""
        try:
            seen = self._admin.list_topics(timeout=_ANSWER)
            names = [name for name in topics.by_name if name in seen.topics]
            configs = self._configs(names)
        except KafkaException as error:
            reason = error.args[0].str()
            raise ConfigError(
                f"Kafka at {self._servers} does not answer: {reason}. Is TREADLE_KAFKA right?"
            ) from error
        existing = {name: Existing(len(seen.topics[name].partitions), configs[name]) for name in names}
        return differences(topics, existing, len(seen.brokers))

    def apply(self, changes: list[Change]) -> None:
        """Apply the changes; a topic that someone else has created meanwhile will do. Raises ConfigError."""
        new = [
            NewTopic(c.topic, c.partitions, c.replication, config=dict(c.settings))
            for c in changes
            if c.what == "create"
        ]
        more = [NewPartitions(c.topic, c.partitions) for c in changes if c.what == "add partitions"]
        settings = [_resource(c) for c in changes if c.what == "set"]
        futures: dict[Any, Any] = {}
        if new:
            futures |= self._admin.create_topics(new, request_timeout=_ANSWER)
        if more:
            futures |= self._admin.create_partitions(more, request_timeout=_ANSWER)
        if settings:
            futures |= self._admin.incremental_alter_configs(settings, request_timeout=_ANSWER)
        for topic, future in futures.items():
            try:
                future.result()
            except KafkaException as error:
                if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                    raise ConfigError(f"{topic}: Kafka refused the change: {error.args[0].str()}") from error

    def _configs(self, names: list[str]) -> dict[str, dict[str, str]]:
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        answers = self._admin.describe_configs(resources, request_timeout=_ANSWER)
        return {
            resource.name: {entry.name: entry.value for entry in answer.result().values()}
            for resource, answer in answers.items()
        }


def _resource(change: Change) -> ConfigResource:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in change.settings
    ]
    return ConfigResource(ResourceType.TOPIC, change.topic, incremental_configs=entries)
