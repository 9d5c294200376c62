"""`topics.yaml` as data: every topic, its queue or tier, and its settings in Kafka."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from streams.errors import ConfigError
from streams.job import Queue
from streams.tiers import Tiers

EVENTS = "loomio.events"
TICKS = "treadle.ticks"
DEAD = "jobs.dead"
LIFECYCLE = "jobs.lifecycle"
AUDIT = "treadle.audit"
OVERRIDES = "treadle.overrides"


def topic_of(queue: Queue) -> str:
    """The topic of a queue's jobs."""
    return f"jobs.{queue.value}"


_QUEUES = {topic_of(queue): queue for queue in Queue}


def queue_of(topic: str) -> Queue | None:
    """The queue whose topic this is, or None."""
    return _QUEUES.get(topic)


class Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One topic as planned. The comments in `topics.yaml` explain the fields."""

    name: str
    partitions: int
    replication: int
    min_in_sync: int
    max_message: int
    retention: timedelta | None
    bytes: int = -1
    compact: bool = False
    queue: Queue | None = None
    weight: int = 1
    delay: timedelta | None = None

    def config(self, replication: int) -> dict[str, str]:
        """This topic's settings in Kafka, with this many replicas."""
        ms = -1 if self.retention is None else self.retention // timedelta(milliseconds=1)
        settings = {
            "cleanup.policy": "compact" if self.compact else "delete",
            "retention.ms": str(ms),
            "retention.bytes": str(self.bytes),
            "max.message.bytes": str(self.max_message),
            "min.insync.replicas": str(min(self.min_in_sync, replication)),
        }
        if self.delay is not None:  # a wait counts from the moment at which the broker has the message
            settings["message.timestamp.type"] = "LogAppendTime"
        return settings


class Topics(msgspec.Struct, frozen=True):
    """All planned topics, by name."""

    by_name: dict[str, Topic]

    @property
    def weights(self) -> dict[Queue, int]:
        """Each queue's weight when one process serves several."""
        return {topic.queue: topic.weight for topic in self.by_name.values() if topic.queue}

    @property
    def tiers(self) -> Tiers:
        """The retry tiers. Raises ConfigError when they do not fit together."""
        planned = self.by_name.values()
        return Tiers.made_of((t.name, t.delay, t.partitions) for t in planned if t.delay is not None)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    topics: dict[str, dict[str, Any]]
    defaults: dict[str, Any] = {}


NEEDED = (*_QUEUES, EVENTS, TICKS, DEAD, LIFECYCLE, AUDIT, OVERRIDES)


def load_topics(path: Path) -> Topics:
    """Read a `topics.yaml`. Raises ConfigError, which names the file, the topic and the field."""
    try:
        file = msgspec.yaml.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}): set TREADLE_TOPICS to a topics.yaml"
        ) from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: {error}") from error
    topics = {}
    for name, fields in file.topics.items():
        try:
            topic = msgspec.convert({**file.defaults, **fields, "name": name}, Topic)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{path}: topic {name}: {error}") from error
        if min(topic.partitions, topic.replication, topic.weight) < 1:
            raise ConfigError(f"{path}: topic {name}: partitions, replication and weight must be at least 1")
        if topic.queue and topic_of(topic.queue) != name:
            raise ConfigError(
                f"{path}: topic {name}: the topic of queue {topic.queue} is {topic_of(topic.queue)}"
            )
        topics[name] = topic
    if missing := [name for name in NEEDED if name not in topics]:
        raise ConfigError(f"{path} lacks topics that Treadle needs: {', '.join(missing)}")
    try:
        Topics(topics).tiers  # noqa: B018  # raises when they do not fit together
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return Topics(topics)
