"""Looks into one Kafka for tests, with one consumer and one admin client that are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported

from streams.message import Received
from streams.producer import Producer
from streams.topic_plan import TopicAdmin
from tests.support.members import evict
from tests.support.planned import GROUPS, PLANNED, READ
from tests.support.waiting import wait_until

T = TypeVar("T")
Ends = dict[tuple[str, int], int]
"""Of partitions (topic and number): an offset, as a rule the first that is not written yet."""
ANSWER = 10.0  # seconds that Kafka has for an answer
SOON = 2.0  # seconds after which it is asked again
FOR_A_MOMENT = (
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
    """What lies in the Kafka at this address, and how far its groups have come."""

    def __init__(self, kafka: str) -> None:
        self.kafka = kafka
        self.admin = AdminClient({"bootstrap.servers": kafka, **CLIENT})
        # Ask for their groups, and never join. An admin client that asked could take the process down: librdkafka 2.16
        # fails with no group of its own to tell of a coordinator that is away.
        self._members: dict[str, Consumer] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": "tests",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.queue.backoff.ms": 5,
                # What was asked for last is waited for before anything else is: not long, where nothing is.
                "fetch.wait.max.ms": 5,
                **CLIENT,
            }
        )

    @cached_property
    def producer(self) -> Producer:
        """One that is kept. It begins without leave of Kafka's, and keeps the order by sending one after the other."""
        once = {"enable.idempotence": False, "max.in.flight": 1}
        return Producer({"bootstrap.servers": self.kafka, **once, **CLIENT})

    def make(self) -> None:
        """Apply our topics.yaml, and wait until every partition has its leader."""
        plan = TopicAdmin({"bootstrap.servers": self.kafka})
        plan.apply(plan.plan(PLANNED))
        wait_until(lambda: set(PLANNED.by_name) <= self.names().keys(), told="topics")
        wait_until(self._have_leaders, told="every partition has its leader")

    def names(self) -> dict[str, int]:
        """The topics there are, with the number of their partitions."""
        found = self.admin.list_topics(timeout=ANSWER).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def ends(self, topics: Collection[str]) -> Ends:
        """Where these topics end. Raises KafkaException."""
        there = self.names()
        return self._ends([(topic, number) for topic in topics for number in range(there[topic])])

    def read(self, begin: Ends) -> Iterator[Received]:
        """Every message from `begin` to what is the end now, in the order of each partition."""
        left = {place: end for place, end in self._ends(begin).items() if end > begin[place]}
        self._consumer.assign([TopicPartition(*place, begin[place]) for place in left])
        try:
            while left:
                # `consume` waits until it has as many as it may have: for the first alone, here.
                first = self._consumer.consume(1, timeout=1.0)
                for message in [*first, *self._consumer.consume(10_000, timeout=0)]:
                    place = (str(message.topic()), int(message.partition() or 0))
                    if (error := message.error()) is not None:
                        assert error.name() == "_PARTITION_EOF", error
                        left.pop(place, None)  # its last may be one that compaction took
                        continue
                    received = _received(message)
                    yield received
                    if received.offset + 1 >= left.get(place, 0):
                        left.pop(place, None)
        finally:
            self._consumer.unassign()

    def commits(self, group: str, places: Iterable[tuple[str, int]]) -> list[TopicPartition]:
        """What the group committed for these partitions."""
        wanted = [TopicPartition(*place) for place in places]
        return self._patiently(lambda: self._member(group).committed(wanted, timeout=ANSWER))

    def lag(self, group: str, places: Collection[tuple[str, int]]) -> int:
        """How many messages the group has not committed, over those of its topics that are among the places."""
        ours = [place for place in places if place[0] in GROUPS[group]]
        committed = self.commits(group, ours)
        ends = self._ends(ours)
        return sum(ends[place.topic, place.partition] - place.offset for place in committed)

    def forget_the_past(self) -> Ends:
        """Commit the ends of all our topics for all groups, so that nobody performs what others left; the ends.

        Whoever is a member of a group has been killed, and leaves now.
        """
        ends = self.ends(READ)
        for group in GROUPS:
            if not self._commit(group, ends):
                evict(self.admin, self.kafka, group)
                wait_until(lambda: self._commit(group, ends), told=f"group {group} has no members")  # noqa: B023
        return ends

    def bury(self, client: str) -> None:
        """Have the groups forget a nameless member that was killed, as they would when its session is over."""
        for group in GROUPS:
            evict(self.admin, self.kafka, group, client)

    def close(self) -> None:
        for consumer in (self._consumer, *self._members.values()):
            consumer.close()
        if "producer" in vars(self):
            self.producer.close()

    def _ends(self, places: Iterable[tuple[str, int]]) -> Ends:
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # it has no stub
        wanted = {TopicPartition(*place): latest for place in places}

        def ask() -> Ends:
            asked = self.admin.list_offsets(wanted, request_timeout=SOON)
            return {(place.topic, place.partition): end.result().offset for place, end in asked.items()}

        return self._patiently(ask) if wanted else {}

    def _patiently(self, ask: Callable[[], T]) -> T:
        """The answer, also of a topic that was just made, or a broker that was killed and has come back."""
        give_up_at = time.monotonic() + ANSWER
        while True:
            try:
                return ask()
            except KafkaException as error:
                if error.args[0].code() not in FOR_A_MOMENT or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.02)
                with suppress(KafkaException):
                    self.names()  # it takes what this tells for what is: who leads a partition, and since when

    def _commit(self, group: str, ends: Ends) -> bool:
        """Whether Kafka takes these as finished: not while the group has members."""
        places = [TopicPartition(*place, at) for place, at in ends.items() if place[0] in GROUPS[group]]
        try:
            taken = self._member(group).commit(offsets=places, asynchronous=False) or []
        except KafkaException:  # a member that was killed is still counted
            return False
        return not any(place.error for place in taken)

    def _member(self, group: str) -> Consumer:
        if group not in self._members:
            self._members[group] = Consumer(
                {"bootstrap.servers": self.kafka, "group.id": group, "enable.auto.commit": False, **CLIENT}
            )
        return self._members[group]

    def _have_leaders(self) -> bool:
        with suppress(KafkaException):  # topics that were just made
            return bool(self.ends(READ))
        return False


@contextmanager
def looking_into(kafka: str) -> Iterator[Topics]:
    """A Kafka that has all of our topics."""
    topics = Topics(kafka)
    try:
        topics.make()
        yield topics
    finally:
        topics.close()


def _received(message: Any) -> Received:
    headers = list(message.headers() or [])
    place = (message.topic(), message.partition(), message.offset())
    return Received(*place, message.key(), message.value(), headers, message.timestamp()[1])
