"""Partitions that are revoked and come back, with two fetchers as in two processes; the test stands in for slots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupState, TopicPartition

from consumers.dispatch.dispatcher import Dispatcher, ReadyQueues
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from consumers.fetching.group_member import GroupMember
from consumers.fetching.kafka_fetcher import FetcherSettings, KafkaFetcher
from consumers.fetching.membership import Membership
from consumers.offsets.ownership import split
from consumers.worker import Workers
from streams.errors import TreadleError
from streams.job import Queue
from tests.support.builders.messages import KINDS
from tests.support.chaos.account import enqueue
from tests.support.line import Line
from tests.support.waiting import wait_until

# The third, KIP-848, makes the same calls as the cooperative one, at heartbeats of five seconds.
BACK = TopicPartition("jobs.low", 0)
MEMBERSHIPS = [Membership.COOPERATIVE, Membership.EAGER]


class Process:
    """A fetcher and the ready queue that it fills."""

    def __init__(self, kafka: str, membership: Membership, prefetch: int, patience: float) -> None:
        self.ready = ReadyQueue({Queue.LOW: 1})
        ready_queues = ReadyQueues(self.ready, ReadyQueue({Queue.LOW: 1}))
        self.dispatcher = Dispatcher(Queue.LOW, KINDS, Workers(), ready_queues)
        self.failures: list[TreadleError] = []
        settings = FetcherSettings(
            {"bootstrap.servers": kafka},
            prefetch=prefetch,
            revoke_within=timedelta(seconds=patience),
            membership=membership,
        )
        self.fetcher = KafkaFetcher(Queue.LOW, settings)
        self.started: list[WorkItem] = []

    def start(self) -> None:
        """Join the group."""
        self.fetcher.start(self.dispatcher, self.failures.append)

    def start_all(self) -> int:
        """Start every waiting job, and return how many have been started so far."""
        while (item := self.ready.take()) is not None:
            self.started.append(item)
        return len(self.started)


@contextmanager
def running(
    line: Line, membership: Membership, prefetch: int = 2_000, patience: float = 0.2
) -> Iterator[Process]:
    """`patience`: seconds that jobs in flight have when their partition is revoked."""
    process = Process(line.kafka, membership, prefetch, patience)
    process.start()
    try:
        yield process
    finally:
        process.ready.close()
        process.fetcher.close()
    assert process.failures == []


@pytest.mark.parametrize("membership", MEMBERSHIPS)
def test_a_job_in_flight_is_not_started_again_when_its_partition_comes_back(
    line: Line, membership: Membership
) -> None:
    with running(line, membership) as first:
        wait_until(lambda: first.fetcher.partitions == 12, what="the first has all partitions")
        enqueue(line, "test.greet", range(60), keys=60)
        wait_until(lambda: first.start_all() == 60, what="the first has started all")
        with running(line, membership) as second:
            wait_until(lambda: second.fetcher.partitions == 6, what="the second has its share")
            wait_until(
                lambda: second.start_all() > 0, what="the second starts jobs that are in flight in the first"
            )
        wait_until(lambda: first.fetcher.partitions == 12, what="the first has all partitions back")
        enqueue(line, "test.greet", range(60, 120), keys=60)
        wait_until(lambda: first.start_all() >= 120, what="the first has started the new ones, too")
        for item in first.started:
            item.finish()
        wait_until(lambda: line.unfinished(Queue.LOW) == 0, what="all are committed")

    positions = [(item.received.partition, item.received.offset) for item in first.started]
    assert len(positions) == len(set(positions)) == 120


@pytest.mark.parametrize("membership", MEMBERSHIPS)
def test_a_partition_revoked_while_its_process_was_full_is_fetched_when_it_comes_back(
    line: Line, membership: Membership
) -> None:
    with running(line, membership, prefetch=20) as first:
        enqueue(line, "test.greet", range(300), keys=60)
        wait_until(lambda: first.fetcher._member.is_paused, what="the first is full, and fetches no more")
        with running(line, membership, prefetch=20) as second:
            wait_until(lambda: second.fetcher.partitions == 6, what="the second has its share")
        wait_until(lambda: first.fetcher.partitions == 12, what="the first has all partitions back")

        finished = [0]

        def finish_all() -> int:
            first.start_all()
            for item in first.started[finished[0] :]:
                item.finish()
            finished[0] = len(first.started)
            return line.unfinished(Queue.LOW)

        wait_until(lambda: finish_all() == 0, what="the first has performed everything")

    assert len({(item.received.partition, item.received.offset) for item in first.started}) == 300


def test_a_member_that_leaves_while_a_rebalance_waits_for_another_commits_first(line: Line) -> None:
    with running(line, Membership.COOPERATIVE) as leader:
        wait_until(lambda: leader.fetcher.partitions == 12, what="the leader has all partitions")
        with running(line, Membership.COOPERATIVE, patience=4) as slow:
            wait_until(lambda: slow.fetcher.partitions == 6, what="the other has its share")
            enqueue(line, "test.greet", range(120), keys=60)
            wait_until(lambda: leader.start_all() + slow.start_all() == 120, what="both have started theirs")
            with running(line, Membership.COOPERATIVE):
                wait_until(lambda: leader.fetcher.partitions == 4, what="the leader has given up two")
                wait_until(
                    lambda: is_changing(line), what="the group waits for the other, which has jobs in flight"
                )
                for item in leader.started:
                    item.finish()
                kept = [item.received for item in leader.started if not item.tracker.revoked]
                leader.fetcher.close()
                committed = line.committed(Queue.LOW)

    late = [each for each in kept if each.offset >= committed[each.topic, each.partition]]
    assert len(kept) > 4
    assert late == []


def test_a_process_that_sees_offsets_go_back_leaves_no_map_of_lost_jobs(line: Line) -> None:
    """As after a partition was truncated: the client begins again at an earlier offset."""
    with running(line, Membership.COOPERATIVE) as process:
        enqueue(line, "test.greet", range(120), keys=60)
        wait_until(lambda: process.start_all() == 120, what="all are started")
        arrived = [item for item in process.started if item.received.partition == BACK.partition]
        for item in arrived[1:]:
            item.finish()
        wait_until(lambda: left_in(line)[1], what="the commit has a map")

        first, second = (item.received.offset for item in arrived[:2])
        go_back(process.fetcher._member, second)
        wait_until(lambda: process.failures, what="the process ends")
        failure = process.failures.pop()

    assert f"was truncated: offset {second} arrived after {arrived[-1].received.offset}" in str(failure)
    assert left_in(line) == (first, "")


def go_back(member: GroupMember, offset: int) -> None:
    """Make it fetch from this offset again, as its client would, on the thread that fetches."""
    fetch = member.fetch

    def fetch_again(most: int, wait: float) -> list[Any]:
        member.fetch = fetch  # type: ignore[method-assign]
        member._consumer.seek(TopicPartition(BACK.topic, BACK.partition, offset))
        return fetch(most, wait)

    member.fetch = fetch_again  # type: ignore[method-assign]


def left_in(line: Line) -> tuple[int, str]:
    """The last committed offset of that partition, and its map."""
    (last,) = [each for each in line.commits(Queue.LOW) if each.partition == BACK.partition]
    return last.offset, split(last.metadata or "")[1]


def is_changing(line: Line) -> bool:
    """Whether the group waits for members to join again."""
    (asked,) = line.topics.admin.describe_consumer_groups(["treadle.low"]).values()
    return bool(asked.result(10).state == ConsumerGroupState.PREPARING_REBALANCING)
