"""Commits that wait for their result, and committed offsets. Both are retried for a while.

While a group rebalances the broker briefly refuses commits, and while it is down it answers nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.deadline import Deadline
from streams.errors import TreadleError

log = structlog.get_logger()

Result = tuple[TopicPartition, KafkaError | None]
"""An offset to commit, and why Kafka refused it, or None."""

_FOR_A_MOMENT = (KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION)
_PAUSE = 0.02  # seconds between two tries


def commit(consumer: Consumer, offsets: list[TopicPartition], within: timedelta) -> list[Result]:
    """Commit these and wait for the results. What is refused because the group is rebalancing is tried again.

    `within` counts from the first answer. While a member waits for a rebalance to end, the broker reads nothing else
    from its connection: our commit queues behind the JoinGroup, and is of a past generation when it is read.
    """
    results = _commit_once(consumer, offsets)
    deadline = Deadline(within)
    while refused := [offset for offset, reason in results if is_for_a_moment(reason)]:
        if deadline.over:
            break
        time.sleep(_PAUSE)
        kept = [result for result in results if not is_for_a_moment(result[1])]
        results = kept + _commit_once(consumer, refused)
    return results


def committed(
    consumer: Consumer, partitions: list[TopicPartition], within: timedelta, ended: Callable[[], bool] = bool
) -> list[TopicPartition]:
    """What the group has committed for these partitions; tried until `within` is over, or `ended`. Raises TreadleError.

    Never KafkaException: raised in one of the client's callbacks it would become something that no `except`
    catches, and its thread would end silently.
    """
    deadline = Deadline(within)
    while partitions:
        try:
            found = consumer.committed(partitions, timeout=5)
            reason = next((offset.error for offset in found if offset.error is not None), None)
        except KafkaException as error:
            found, reason = [], error.args[0]
        if reason is None:
            return found
        if ended() or deadline.over:
            raise TreadleError(f"Kafka does not report committed offsets: {reason.str()}")
        log.warning("committed_unknown", topic=partitions[0].topic, error=reason.str())
        time.sleep(_PAUSE)
    return []


def committed_by(
    kafka: Mapping[str, Any], group: str, partitions: list[tuple[str, int]], within: timedelta
) -> dict[tuple[str, int], int]:
    """What a group has committed for these partitions of topics, without joining it; -1001 where it has nothing.

    Raises TreadleError.
    """
    ours = {"group.id": group, "session.timeout.ms": 6_000, "log_level": 0}
    outsider = Consumer({**ours, **kafka})
    try:
        wanted = [TopicPartition(*each) for each in partitions]
        found = committed(outsider, wanted, within)
        return {(each.topic, each.partition): each.offset for each in found}
    finally:
        outsider.close()


def watermarks(
    consumer: Consumer, partition: TopicPartition, deadline: Deadline
) -> tuple[int | None, int | None]:
    """The first offset of a partition, and the offset after its last. None when the broker does not answer in time."""
    if deadline.over:
        return None, None
    asked = TopicPartition(partition.topic, partition.partition)
    try:
        found = consumer.get_watermark_offsets(asked, timeout=deadline.left)
    except KafkaException as error:
        reason = error.args[0].str()
        log.warning("watermarks_unknown", topic=partition.topic, partition=partition.partition, error=reason)
        return None, None
    return found if found is not None else (None, None)


def is_for_a_moment(reason: KafkaError | None) -> bool:
    """Whether a commit was refused only because the group is rebalancing."""
    return reason is not None and reason.code() in _FOR_A_MOMENT


def _commit_once(consumer: Consumer, offsets: list[TopicPartition]) -> list[Result]:
    if not offsets:
        return []
    # Copies: the client writes the results into the objects it is given.
    asked = [TopicPartition(each.topic, each.partition, each.offset, each.metadata) for each in offsets]
    try:
        return [(offset, offset.error) for offset in consumer.commit(offsets=asked, asynchronous=False) or []]
    except KafkaException as error:
        return [(offset, error.args[0]) for offset in asked]
