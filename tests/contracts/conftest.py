"""The real producer on the real Kafka, and the fake, for one suite that both must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest

from streams.kafka.producer import Producer, Sender
from streams.message import Message
from tests.support.fakes.memory_log import MemoryLog
from tests.support.topics import Topics
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class Log:
    """Something to send to, a topic that exists there, and how to read it back, per partition in order."""

    sender: Sender
    topic: str
    missing: str
    read: Callable[[], list[Message]]


@pytest.fixture(params=["memory", "kafka"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    topic = f"contract-{uuid4()}"
    if request.param == "memory":
        memory = MemoryLog(missing=["contract-missing"])
        yield Log(memory, topic, "contract-missing", lambda: memory.of(topic))
        return
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]  # re-exported

    there: Topics = request.getfixturevalue("topics")
    there.admin.create_topics([NewTopic(topic, 3, 1)])[topic].result()
    wait_until(lambda: topic in there.names(), what=topic)
    properties = {"bootstrap.servers": there.kafka, "topic.metadata.propagation.max.ms": 500}
    producer = Producer(properties, patience=timedelta(seconds=20))

    def read_all() -> list[Message]:
        begin = dict.fromkeys([(topic, number) for number in range(3)], 0)
        return [Message(m.topic, m.key, m.value, m.headers) for m in there.read(begin)]

    yield Log(producer, topic, "contract-missing", read_all)
    producer.close()
    there.admin.delete_topics([topic])[topic].result()
