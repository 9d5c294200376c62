"""Commits that are refused, and committed offsets that are not reported: both are asked for again."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from streams.errors import TreadleError
from streams.kafka.commits import commit, committed
from tests.unit.streams.kafka.broker import Broker

CHANGING, UNKNOWN = KafkaError.REBALANCE_IN_PROGRESS, KafkaError.UNKNOWN_MEMBER_ID
SHORT = timedelta(milliseconds=100)


def offsets(*partitions: int) -> list[TopicPartition]:
    return [TopicPartition("jobs.low", partition, 5, "map") for partition in partitions]


def reasons(broker: Any, *partitions: int) -> list[int | None]:
    return [reason.code() if reason else None for _, reason in commit(broker, offsets(*partitions), SHORT)]


def test_a_commit_refused_during_a_rebalance_is_tried_again() -> None:
    broker = Broker(CHANGING, KafkaError.ILLEGAL_GENERATION, None)

    assert reasons(broker, 0, 1) == [None, None]
    assert broker.asked == [[0, 1]] * 3


def test_a_late_refusal_is_tried_again_too(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(KafkaError.ILLEGAL_GENERATION, None)
    clock = SimpleNamespace(monotonic=lambda: 10.0 * len(broker.asked))  # an answer takes 10 s
    monkeypatch.setattr("streams.deadline.time", clock)
    monkeypatch.setattr("streams.kafka.commits.time", SimpleNamespace(sleep=id))

    assert reasons(broker, 0) == [None]


def test_a_rebalance_that_does_not_end_is_given_up_with_the_reason() -> None:
    assert reasons(Broker(CHANGING), 0) == [CHANGING]


def test_a_commit_of_a_member_that_was_thrown_out_is_not_tried_again() -> None:
    broker = Broker(UNKNOWN)

    assert reasons(broker, 0) == [UNKNOWN]
    assert len(broker.asked) == 1


def test_committed_offsets_are_asked_for_again_while_the_broker_is_down() -> None:
    broker: Any = Broker(KafkaError._TRANSPORT, KafkaError._TIMED_OUT, None)

    assert [each.offset for each in committed(broker, offsets(3), timedelta(seconds=5))] == [7]


def test_a_broker_that_stays_down_is_an_error_that_every_thread_can_catch() -> None:
    broker: Any = Broker(KafkaError._TIMED_OUT)

    with pytest.raises(TreadleError, match="does not report committed offsets"):
        committed(broker, offsets(3), SHORT)
