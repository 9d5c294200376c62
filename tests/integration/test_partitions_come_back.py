"""Partitions that go and come back, with two intakes as two processes have them, and the test as their slots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupState, TopicPartition

from consumers.group_member import GroupMember
from consumers.kafka_intake import IntakeSettings, KafkaIntake
from consumers.lanes import Lanes
from consumers.membership import Membership
from consumers.parcel import Parcel
from consumers.routes import Routes, Stations
from consumers.tenure import split
from consumers.worker import Workers
from streams.errors import TreadleError
from streams.job import Queue
from tests.support.builders.messages import KINDS
from tests.support.chaos.account import enqueue
from tests.support.line import Line
from tests.support.waiting import wait_until

# The third, KIP-848, comes with the calls of the cooperative one, at heartbeats of five seconds.
BACK = TopicPartition("jobs.low", 0)
MEMBERSHIPS = [Membership.COOPERATIVE, Membership.EAGER]


class Process:
    """An intake and the lanes that it fills."""

    def __init__(self, kafka: str, membership: Membership, prefetch: int, patience: float) -> None:
        self.lanes = Lanes({Queue.LOW: 1})
        routes = Routes(Queue.LOW, KINDS, Workers(), Stations(self.lanes, Lanes({Queue.LOW: 1})))
        self.failures: list[TreadleError] = []
        settings = IntakeSettings(
            {"bootstrap.servers": kafka},
            prefetch=prefetch,
            revoke_within=timedelta(seconds=patience),
            membership=membership,
        )
        self.intake = KafkaIntake(Queue.LOW, settings, routes, self.failures.append)
        self.started: list[Parcel] = []

    def start_all(self) -> int:
        """Start every job that waits; how many have been started by now."""
        while (parcel := self.lanes.take()) is not None:
            self.started.append(parcel)
        return len(self.started)


@contextmanager
def running(
    line: Line, membership: Membership, prefetch: int = 2_000, patience: float = 0.2
) -> Iterator[Process]:
    """`patience`: seconds for which what is at work is waited for when its partition goes."""
    made = Process(line.kafka, membership, prefetch, patience)
    made.intake.start()
    try:
        yield made
    finally:
        made.lanes.close()
        made.intake.close()
    assert made.failures == []


@pytest.mark.parametrize("membership", MEMBERSHIPS)
def test_a_job_at_work_is_not_started_again_where_its_partition_comes_back(
    line: Line, membership: Membership
) -> None:
    with running(line, membership) as first:
        wait_until(lambda: first.intake.partitions == 12, told="the first has all partitions")
        enqueue(line, "test.greet", range(60), keys=60)
        wait_until(lambda: first.start_all() == 60, told="the first has started all")
        with running(line, membership) as second:
            wait_until(lambda: second.intake.partitions == 6, told="the second has its share")
            wait_until(lambda: second.start_all() > 0, told="the second starts what runs on in the first")
        wait_until(lambda: first.intake.partitions == 12, told="the first has all partitions back")
        enqueue(line, "test.greet", range(60, 120), keys=60)
        wait_until(lambda: first.start_all() >= 120, told="the first has started the new ones, too")
        for parcel in first.started:
            parcel.finish()
        wait_until(lambda: line.unfinished(Queue.LOW) == 0, told="all is committed")

    places = [(parcel.received.partition, parcel.received.offset) for parcel in first.started]
    assert len(places) == len(set(places)) == 120


@pytest.mark.parametrize("membership", MEMBERSHIPS)
def test_a_partition_that_left_while_its_process_was_full_is_fetched_when_it_comes_back(
    line: Line, membership: Membership
) -> None:
    with running(line, membership, prefetch=20) as first:
        enqueue(line, "test.greet", range(300), keys=60)
        wait_until(lambda: first.intake._member.is_paused, told="the first is full, and fetches no more")
        with running(line, membership, prefetch=20) as second:
            wait_until(lambda: second.intake.partitions == 6, told="the second has its share")
        wait_until(lambda: first.intake.partitions == 12, told="the first has all partitions back")

        finished = [0]

        def finish_all() -> int:
            first.start_all()
            for parcel in first.started[finished[0] :]:
                parcel.finish()
            finished[0] = len(first.started)
            return line.unfinished(Queue.LOW)

        wait_until(lambda: finish_all() == 0, told="the first has performed everything")

    assert len({(parcel.received.partition, parcel.received.offset) for parcel in first.started}) == 300


def test_who_leaves_while_a_rebalance_waits_for_somebody_else_commits_first(line: Line) -> None:
    with running(line, Membership.COOPERATIVE) as leader:
        wait_until(lambda: leader.intake.partitions == 12, told="the leader has all partitions")
        with running(line, Membership.COOPERATIVE, patience=4) as slow:
            wait_until(lambda: slow.intake.partitions == 6, told="the other has its share")
            enqueue(line, "test.greet", range(120), keys=60)
            wait_until(lambda: leader.start_all() + slow.start_all() == 120, told="both have started theirs")
            with running(line, Membership.COOPERATIVE):
                wait_until(lambda: leader.intake.partitions == 4, told="the leader has let go of two")
                wait_until(lambda: is_changing(line), told="and waits for the other, who is at work")
                for parcel in leader.started:
                    parcel.finish()
                kept = [parcel.received for parcel in leader.started if not parcel.tracker.revoked]
                leader.intake.close()
                committed = line.committed(Queue.LOW)

    late = [each for each in kept if each.offset >= committed[each.topic, each.partition]]
    assert len(kept) > 4
    assert late == []


def test_who_sees_offsets_go_back_leaves_no_map_of_jobs_that_are_gone(line: Line) -> None:
    """As after a broker that lost the end of a partition: the client begins at an earlier offset again."""
    with running(line, Membership.COOPERATIVE) as process:
        enqueue(line, "test.greet", range(120), keys=60)
        wait_until(lambda: process.start_all() == 120, told="all are started")
        came = [parcel for parcel in process.started if parcel.received.partition == BACK.partition]
        for parcel in came[1:]:
            parcel.finish()
        wait_until(lambda: left_in(line)[1], told="the commit has a map")

        first, second = (parcel.received.offset for parcel in came[:2])
        go_back(process.intake._member, second)
        wait_until(lambda: process.failures, told="the process ends")
        failure = process.failures.pop()

    assert f"lost its end: after offset {came[-1].received.offset} came {second}" in str(failure)
    assert left_in(line) == (first, "")


def go_back(member: GroupMember, offset: int) -> None:
    """Have it fetch from this offset again, as its client would: on the thread that fetches."""
    fetch = member.fetch

    def fetch_again(most: int, wait: float) -> list[Any]:
        member.fetch = fetch  # type: ignore[method-assign]
        member._consumer.seek(TopicPartition(BACK.topic, BACK.partition, offset))
        return fetch(most, wait)

    member.fetch = fetch_again  # type: ignore[method-assign]


def left_in(line: Line) -> tuple[int, str]:
    """What the last commit of that partition says, and its map."""
    (place,) = [place for place in line.commits(Queue.LOW) if place.partition == BACK.partition]
    return place.offset, split(place.metadata)[1]


def is_changing(line: Line) -> bool:
    """Whether the group waits for members to join again."""
    (asked,) = line.topics.admin.describe_consumer_groups(["treadle.low"]).values()
    return bool(asked.result(10).state == ConsumerGroupState.PREPARING_REBALANCING)
