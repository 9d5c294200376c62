"""Reads one Kafka for tests, through one consumer and one admin client that stay open."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported

from streams.kafka.producer import Producer
from streams.kafka.topic_admin import TopicAdmin
from streams.message import Received
from tests.support.members import evict
from tests.support.planned import GROUPS, PLANNED, READ
from tests.support.waiting import wait_until

T = TypeVar("T")
Partition = tuple[str, int]
"""Topic and number."""
Offsets = dict[Partition, int]
ANSWER = 10.0  # seconds within which Kafka must answer
SOON = 2.0  # seconds after which a request is repeated
TRANSIENT = (
    *(
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError.LEADER_NOT_AVAILABLE,
    ),
    *(KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.FENCED_LEADER_EPOCH),
    *(
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    ),
)
CLIENT = {"log_level": 0, "reconnect.backoff.max.ms": 200}


class Topics:
    """The messages in the Kafka at this address, and how far its groups have committed."""

    def __init__(self, kafka: str) -> None:
        self.kafka = kafka
        self.admin = AdminClient({"bootstrap.servers": kafka, **CLIENT})
        # They read and write the commits of their groups, and never join. An admin client doing so could crash the
        # process: it has no group, and librdkafka 2.16 fails when it reports to one that the coordinator is away.
        self._members: dict[str, Consumer] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": "tests",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.queue.backoff.ms": 5,
                # The next request waits for the last fetch, so an empty one must return quickly.
                "fetch.wait.max.ms": 5,
                **CLIENT,
            }
        )

    @cached_property
    def producer(self) -> Producer:
        """It stays open. Without idempotence it starts faster; one request in flight at a time keeps the order."""
        in_order = {"enable.idempotence": False, "max.in.flight": 1}
        return Producer({"bootstrap.servers": self.kafka, **in_order, **CLIENT})

    def make(self) -> None:
        """Apply topics.yaml, and wait until every partition has a leader."""
        plan = TopicAdmin({"bootstrap.servers": self.kafka})
        plan.apply(plan.plan(PLANNED))
        wait_until(lambda: set(PLANNED.by_name) <= self.names().keys(), what="all topics exist")
        wait_until(self._have_leaders, what="every partition has a leader")

    def names(self) -> dict[str, int]:
        """All topics, with their numbers of partitions."""
        found = self.admin.list_topics(timeout=ANSWER).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def end_offsets(self, topics: Collection[str]) -> Offsets:
        """The end offset of each partition of these topics. Raises KafkaException."""
        names = self.names()
        return self._end_offsets([(topic, number) for topic in topics for number in range(names[topic])])

    def read(self, begin: Offsets) -> Iterator[Received]:
        """Every message from `begin` to the current end offsets; those of one partition in order."""
        left = {part: end for part, end in self._end_offsets(begin).items() if end > begin[part]}
        self._consumer.assign([TopicPartition(*part, begin[part]) for part in left])
        try:
            while left:
                # `consume` waits for the full number of messages: here for one, then it takes what has arrived.
                first = self._consumer.consume(1, timeout=1.0)
                for message in [*first, *self._consumer.consume(10_000, timeout=0)]:
                    part = (str(message.topic()), int(message.partition() or 0))
                    if (error := message.error()) is not None:
                        assert error.name() == "_PARTITION_EOF", error
                        left.pop(part, None)  # compaction may have removed its last messages
                        continue
                    received = _received(message)
                    yield received
                    if received.offset + 1 >= left.get(part, 0):
                        left.pop(part, None)
        finally:
            self._consumer.unassign()

    def commits(self, group: str, partitions: Iterable[Partition]) -> list[TopicPartition]:
        """What the group has committed for these partitions."""
        wanted = [TopicPartition(*part) for part in partitions]
        return self._retrying(lambda: self._member(group).committed(wanted, timeout=ANSWER))

    def lag(self, group: str, partitions: Collection[Partition]) -> int:
        """How many messages the group has not committed, in those of these partitions that it reads."""
        own = [part for part in partitions if part[0] in GROUPS[group]]
        committed = self.commits(group, own)
        ends = self._end_offsets(own)
        return sum(ends[each.topic, each.partition] - each.offset for each in committed)

    def commit_end_offsets(self) -> Offsets:
        """Commit the end offsets of all topics for all groups, so that no test sees messages of others; the offsets.

        Remaining members of a group have been killed; they are evicted.
        """
        ends = self.end_offsets(READ)
        for group in GROUPS:
            if not self._commit(group, ends):
                evict(self.admin, self.kafka, group)
                wait_until(lambda: self._commit(group, ends), what=f"group {group} has no members")  # noqa: B023
        return ends

    def evict(self, client: str) -> None:
        """Evict a killed nameless member from its groups, as Kafka would when its session times out."""
        for group in GROUPS:
            evict(self.admin, self.kafka, group, client)

    def close(self) -> None:
        for consumer in (self._consumer, *self._members.values()):
            consumer.close()
        if "producer" in vars(self):
            self.producer.close()

    def _end_offsets(self, partitions: Iterable[Partition]) -> Offsets:
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # it has no stub
        wanted = {TopicPartition(*part): latest for part in partitions}

        def ask() -> Offsets:
            asked = self.admin.list_offsets(wanted, request_timeout=SOON)
            return {(each.topic, each.partition): end.result().offset for each, end in asked.items()}

        return self._retrying(ask) if wanted else {}

    def _retrying(self, ask: Callable[[], T]) -> T:
        """The answer, even about a topic that was just created or from a broker that was just restarted."""
        give_up_at = time.monotonic() + ANSWER
        while True:
            try:
                return ask()
            except KafkaException as error:
                if error.args[0].code() not in TRANSIENT or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.02)
                with suppress(KafkaException):
                    self.names()  # refreshes what the client knows of the leaders of partitions

    def _commit(self, group: str, offsets: Offsets) -> bool:
        """Commit these; whether Kafka accepts it, which it does not while the group has members."""
        wanted = [TopicPartition(*part, at) for part, at in offsets.items() if part[0] in GROUPS[group]]
        try:
            committed = self._member(group).commit(offsets=wanted, asynchronous=False) or []
        except KafkaException:  # a killed member still counts
            return False
        return not any(each.error for each in committed)

    def _member(self, group: str) -> Consumer:
        if group not in self._members:
            self._members[group] = Consumer(
                {"bootstrap.servers": self.kafka, "group.id": group, "enable.auto.commit": False, **CLIENT}
            )
        return self._members[group]

    def _have_leaders(self) -> bool:
        with suppress(KafkaException):  # the topics were just created
            return bool(self.end_offsets(READ))
        return False


@contextmanager
def looking_into(kafka: str) -> Iterator[Topics]:
    """Look into a Kafka, with all topics created."""
    topics = Topics(kafka)
    try:
        topics.make()
        yield topics
    finally:
        topics.close()


def _received(message: Any) -> Received:
    headers = list(message.headers() or [])
    position = (message.topic(), message.partition(), message.offset())
    return Received(*position, message.key(), message.value(), headers, message.timestamp()[1])
