"""Commits with an answer: what was committed, and what of ours Kafka took. Both are asked again for a while.

While a group changes the broker refuses commits for a moment, and while it is away it answers nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.errors import TreadleError

log = structlog.get_logger()

Result = tuple[TopicPartition, KafkaError | None]
"""A place, and why Kafka did not take its commit, or None."""

_FOR_A_MOMENT = (KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION)
_AGAIN_AFTER = 0.02  # seconds


def commit(consumer: Consumer, places: list[TopicPartition], within: timedelta) -> list[Result]:
    """Commit these and wait for the answer; what is refused because the group is just changing, again and again.

    `within` counts from the first answer. While a member waits for a rebalance to end, the broker reads nothing else
    from its connection: our commit lies behind the JoinGroup, and is of a past generation when it is read.
    """
    results = _commit_once(consumer, places)
    give_up_at = time.monotonic() + within.total_seconds()
    while refused := [place for place, reason in results if is_for_a_moment(reason)]:
        if time.monotonic() > give_up_at:
            break
        time.sleep(_AGAIN_AFTER)
        kept = [result for result in results if not is_for_a_moment(result[1])]
        results = kept + _commit_once(consumer, refused)
    return results


def committed(
    consumer: Consumer, places: list[TopicPartition], within: timedelta, ended: Callable[[], bool] = bool
) -> list[TopicPartition]:
    """What the group has committed of these; asked until `within` is over, or `ended`. Raises TreadleError.

    Never KafkaException: raised in one of the client's callbacks it would become something that no `except`
    catches, and its thread would end without a word.
    """
    give_up_at = time.monotonic() + within.total_seconds()
    while places:
        try:
            told = consumer.committed(places, timeout=5)
            reason = next((place.error for place in told if place.error is not None), None)
        except KafkaException as error:
            told, reason = [], error.args[0]
        if reason is None:
            return told
        if ended() or time.monotonic() > give_up_at:
            raise TreadleError(f"Kafka does not say what was committed: {reason.str()}")
        log.warning("committed_unknown", topic=places[0].topic, error=reason.str())
        time.sleep(_AGAIN_AFTER)
    return []


def ends(consumer: Consumer, place: TopicPartition, give_up_at: float) -> tuple[int | None, int | None]:
    """The first offset of a partition, and what will be its next.

    None when the broker does not say, until `give_up_at` (by the monotonic clock).
    """
    timeout = give_up_at - time.monotonic()
    if timeout <= 0:
        return None, None
    try:
        found = consumer.get_watermark_offsets(TopicPartition(place.topic, place.partition), timeout=timeout)
    except KafkaException as error:
        log.warning("ends_unknown", topic=place.topic, partition=place.partition, error=error.args[0].str())
        return None, None
    return found if found is not None else (None, None)


def is_for_a_moment(reason: KafkaError | None) -> bool:
    """Whether a commit was refused because the group is just changing."""
    return reason is not None and reason.code() in _FOR_A_MOMENT


def _commit_once(consumer: Consumer, places: list[TopicPartition]) -> list[Result]:
    if not places:
        return []
    # Made anew: the client writes its answer into what it is given.
    asked = [TopicPartition(each.topic, each.partition, each.offset, each.metadata) for each in places]
    try:
        return [(place, place.error) for place in consumer.commit(offsets=asked, asynchronous=False) or []]
    except KafkaException as error:
        return [(place, error.args[0]) for place in asked]
