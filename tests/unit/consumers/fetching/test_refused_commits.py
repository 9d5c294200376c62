"""Commits of a group's member that are refused: due again, and never taken for done."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaError, TopicPartition

from consumers.fetching.group_member import GroupMember, MemberSettings, _offsets
from consumers.offsets.commit import Committed
from tests.unit.streams.kafka.broker import Broker


def a_member(client: Any = None) -> GroupMember:
    """With partition 0, whose offset 5 is finished and not committed."""
    member = GroupMember(MemberSettings("low", ("jobs.low",), {"bootstrap.servers": "127.0.0.1:9"}))
    member._consumer = client or member._consumer
    tracker = member.partitions["jobs.low"].begin(0, Committed.read(5, ""))
    tracker.admit(5)
    tracker.finish(5)
    return member


def due(member: GroupMember) -> list[TopicPartition]:
    return _offsets(member.partitions["jobs.low"].trackers.values())


def test_an_asynchronous_commit_that_was_refused_is_due_again() -> None:
    member = a_member()
    (first,) = due(member)

    member._on_commit(KafkaError(KafkaError.OFFSET_METADATA_TOO_LARGE), [first])
    (second,) = due(member)
    member._on_commit(None, [second])

    assert (first.offset, second.offset) == (6, 6)
    assert due(member) == []


def test_a_last_commit_that_was_refused_is_not_taken_for_done() -> None:
    member = a_member(Broker(KafkaError.UNKNOWN_MEMBER_ID))

    member._leave(member.partitions["jobs.low"].trackers.values())

    (offset,) = due(member)
    assert offset.offset == 6
