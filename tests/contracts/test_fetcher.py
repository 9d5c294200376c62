"""What every fetcher promises: Kafka's, and the one in memory that stands in for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from consumers.dispatch.work_item import WorkItem
from consumers.fetching.fetcher import Fetcher
from consumers.fetching.kafka_fetcher import FetcherSettings, KafkaFetcher
from consumers.fetching.memory_fetcher import MemoryFetcher, MemoryLog
from streams.errors import TreadleError
from streams.job import Queue
from streams.kafka.producer import Producer
from streams.message import Message
from streams.topics import topic_of
from tests.support.topics import Topics
from tests.support.waiting import wait_until


@dataclass
class Log:
    """A queue to send to, and as many fetchers of it as a test needs, one after the other."""

    send: Callable[[list[Message]], object]
    fetcher: Callable[[], Fetcher]


@dataclass
class Dispatched:
    """Where a fetcher puts its items; the test takes them in place of the executors."""

    items: list[WorkItem] = field(default_factory=list)
    failures: list[TreadleError] = field(default_factory=list)
    waiting: int = 0

    def put(self, items: Sequence[WorkItem]) -> None:
        self.items += items

    @property
    def values(self) -> list[bytes | None]:
        return [item.received.value for item in self.items]

    def starts(self, *values: bytes) -> list[WorkItem]:
        """The items of these values, in flight from now on."""
        wait_until(lambda: set(values) <= set(self.values), what="all have been fetched")
        items = [item for item in self.items if item.received.value in values]
        assert all(item.start() for item in items)
        return items


@pytest.fixture(params=["memory", "kafka"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    if request.param == "memory":
        memory = MemoryLog(Queue.LOW)
        yield Log(memory.append, lambda: MemoryFetcher(Queue.LOW, memory))
        return
    topics: Topics = request.getfixturevalue("topics")
    topics.commit_end_offsets()
    kafka = {"bootstrap.servers": topics.kafka}
    producer = Producer(kafka)
    yield Log(producer.send, lambda: KafkaFetcher(Queue.LOW, FetcherSettings(kafka)))
    producer.close()


@contextmanager
def fetching(log: Log) -> Iterator[tuple[Fetcher, Dispatched]]:
    """A fetcher that runs until the block ends."""
    fetcher, dispatched = log.fetcher(), Dispatched()
    fetcher.start(dispatched, dispatched.failures.append)
    try:
        yield fetcher, dispatched
    finally:
        fetcher.close()
    assert dispatched.failures == []


def a_message(value: bytes) -> Message:
    return Message(topic_of(Queue.LOW), b"key", value, [("x", b"\x00\xff")])


def test_each_message_is_dispatched_once_and_in_order_with_all_it_carries(log: Log) -> None:
    sent = [a_message(b"%d" % number) for number in range(300)]

    with fetching(log) as (fetcher, dispatched):
        log.send(sent)
        wait_until(lambda: len(dispatched.items) >= 300, what="all have been fetched")

        assert fetcher.ready
        assert fetcher.partitions > 0

    carried = [(item.received.key, item.received.value, item.received.headers) for item in dispatched.items]
    assert carried == [(message.key, message.value, message.headers) for message in sent]


def test_an_item_is_in_flight_from_its_start_to_its_finish(log: Log) -> None:
    log.send([a_message(b"one"), a_message(b"two")])

    with fetching(log) as (fetcher, dispatched):
        one, two = dispatched.starts(b"one", b"two")
        assert fetcher.in_flight == 2
        two.finish()
        assert fetcher.in_flight == 1
        one.finish()
        assert fetcher.in_flight == 0


def test_the_next_fetcher_gets_what_was_not_finished_and_nothing_else(log: Log) -> None:
    log.send([a_message(value) for value in (b"one", b"two", b"three", b"four")])
    with fetching(log) as (_, dispatched):
        for item in dispatched.starts(b"one", b"three", b"four"):
            item.finish()

    log.send([a_message(b"five")])
    with fetching(log) as (_, next_time):
        wait_until(lambda: len(next_time.items) >= 2, what="the next has fetched")

    assert next_time.values == [b"two", b"five"]


def test_what_was_started_and_not_finished_is_fetched_again(log: Log) -> None:
    log.send([a_message(b"one")])
    with fetching(log) as (_, dispatched):
        dispatched.starts(b"one")

    with fetching(log) as (_, next_time):
        wait_until(lambda: next_time.values == [b"one"], what="it is fetched again")


def test_a_quiet_fetcher_dispatches_nothing_more_and_still_records_what_is_finished(log: Log) -> None:
    log.send([a_message(b"one")])
    with fetching(log) as (fetcher, dispatched):
        (one,) = dispatched.starts(b"one")
        fetcher.quiet()
        wait_until(
            lambda: not arrives(log, dispatched), what="nothing more arrives"
        )  # a fetch may be in progress
        one.finish()

    with fetching(log) as (_, next_time):
        wait_until(lambda: b"last" in next_time.values, what="the next has fetched")

    assert b"one" not in next_time.values


def arrives(log: Log, dispatched: Dispatched) -> bool:
    """Whether another message reaches the test within half a second."""
    there = len(dispatched.items)
    log.send([a_message(b"last")])
    try:
        wait_until(lambda: len(dispatched.items) > there, within=0.5)
    except AssertionError:
        return False
    return True


def test_a_fetcher_that_was_never_started_closes(log: Log) -> None:
    log.fetcher().close()
