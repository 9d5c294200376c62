"""Commits that are refused: tried again, and never taken for done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumers.commits import commit, committed
from consumers.group_member import GroupMember, MemberSettings, _offsets
from streams.errors import TreadleError

CHANGING, UNKNOWN = KafkaError.REBALANCE_IN_PROGRESS, KafkaError.UNKNOWN_MEMBER_ID
SHORT = timedelta(milliseconds=100)


class Broker:
    """Stands in for a client: answers each call with the next of `answers`, an error's code or None for yes."""

    def __init__(self, *answers: int | None) -> None:
        self.answers: Sequence[int | None] = answers
        self.asked: list[list[int]] = []

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        self.asked.append([place.partition for place in offsets])
        return self._answer(offsets)

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return self._answer([TopicPartition(place.topic, place.partition, 7) for place in places])

    def _answer(self, places: list[TopicPartition]) -> list[TopicPartition]:
        answer, self.answers = self.answers[0], self.answers[1:] or self.answers
        if answer is not None:
            raise KafkaException(KafkaError(answer))
        return places


def places(*partitions: int) -> list[TopicPartition]:
    return [TopicPartition("jobs.low", partition, 5, "map") for partition in partitions]


def reasons(broker: Any, *partitions: int) -> list[int | None]:
    return [reason.code() if reason else None for _, reason in commit(broker, places(*partitions), SHORT)]


def a_member(client: Any = None) -> GroupMember:
    """With partition 0, whose offset 5 is finished and not committed."""
    member = GroupMember(MemberSettings("low", ("jobs.low",), {"bootstrap.servers": "127.0.0.1:9"}))
    member._consumer = client or member._consumer
    member.partitions["jobs.low"].begin(0, 5, "")
    tracker = member.partitions["jobs.low"].trackers[0]
    tracker.admit(5)
    tracker.finish(5)
    return member


def due(member: GroupMember) -> list[TopicPartition]:
    return _offsets(member.partitions["jobs.low"].trackers.values())


def test_a_commit_refused_while_the_group_changes_is_tried_again() -> None:
    broker = Broker(CHANGING, KafkaError.ILLEGAL_GENERATION, None)

    assert reasons(broker, 0, 1) == [None, None]
    assert broker.asked == [[0, 1]] * 3


def test_a_refusal_that_was_long_in_coming_is_tried_again_too(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(KafkaError.ILLEGAL_GENERATION, None)
    clock = SimpleNamespace(monotonic=lambda: 10.0 * len(broker.asked), sleep=id)  # an answer takes 10 s
    monkeypatch.setattr("consumers.commits.time", clock)

    assert reasons(broker, 0) == [None]


def test_a_group_that_goes_on_changing_is_given_up_with_the_reason() -> None:
    assert reasons(Broker(CHANGING), 0) == [CHANGING]


def test_a_commit_of_a_member_that_was_thrown_out_is_not_tried_again() -> None:
    broker = Broker(UNKNOWN)

    assert reasons(broker, 0) == [UNKNOWN]
    assert len(broker.asked) == 1


def test_what_was_committed_is_asked_again_while_the_broker_is_away() -> None:
    broker: Any = Broker(KafkaError._TRANSPORT, KafkaError._TIMED_OUT, None)

    assert [place.offset for place in committed(broker, places(3), timedelta(seconds=5))] == [7]


def test_a_broker_that_stays_away_is_an_error_that_every_thread_can_catch() -> None:
    broker: Any = Broker(KafkaError._TIMED_OUT)

    with pytest.raises(TreadleError, match="does not say what was committed"):
        committed(broker, places(3), SHORT)


def test_an_asynchronous_commit_that_was_refused_is_due_again() -> None:
    member = a_member()
    (first,) = due(member)

    member._on_commit(KafkaError(KafkaError.OFFSET_METADATA_TOO_LARGE), [first])
    (second,) = due(member)
    member._on_commit(None, [second])

    assert (first.offset, second.offset) == (6, 6)
    assert due(member) == []


def test_a_last_commit_that_was_refused_is_not_taken_for_done() -> None:
    member = a_member(Broker(UNKNOWN))

    member._commit_and_wait(member.partitions["jobs.low"].trackers.values())

    (still,) = due(member)
    assert still.offset == 6
