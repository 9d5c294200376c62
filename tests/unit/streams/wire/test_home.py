"""The queue to which a job returns: that of its header, else that of its topic."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import BadMessage
from streams.headers import FAILURE
from streams.job import Queue
from streams.message import Received
from streams.topics import topic_of
from streams.wire.failure import failure
from streams.wire.home import home_queue, home_topic
from tests.support.builders.messages import NOW, TIERS, a_message

TOPICS = [*(topic_of(queue) for queue in Queue), *TIERS.by_topic, "loomio.events", "treadle.ticks", ""]


def a_dead_letter(queue: bytes | None, died_in: str) -> Received:
    """Of a job that names this queue in its header, and failed when it was read from this topic."""
    read = msgspec.json.encode(failure(ValueError(), a_message(topic=died_in), NOW))
    headers = {FAILURE: read} if died_in else {}
    return a_message(headers=headers | ({"treadle_queue": queue} if queue else {}), topic="jobs.dead")


@pytest.mark.parametrize("queue", Queue)
@pytest.mark.parametrize("topic", TOPICS)
def test_the_header_counts_before_the_topic(queue: Queue, topic: str) -> None:
    assert home_queue(queue.encode(), topic) is queue


@pytest.mark.parametrize("named", [None, b""])
def test_without_a_header_the_topic_counts(named: bytes | None) -> None:
    assert home_queue(named, "jobs.mailers") is Queue.MAILERS
    assert home_queue(named, "retry.5s") is None


@pytest.mark.parametrize("named", [b"slow", b"LOW", b"jobs.low", b"\xff"])
def test_an_unknown_queue_is_refused(named: bytes) -> None:
    with pytest.raises(BadMessage, match="header treadle_queue names an unknown queue: "):
        home_queue(named, "jobs.low")


@pytest.mark.parametrize(
    ("queue", "died_in", "topic"),
    [
        (b"low", "jobs.high", "jobs.low"),
        (b"low", "", "jobs.low"),
        (None, "jobs.high", "jobs.high"),
        (b"slow", "jobs.high", "jobs.high"),
        (b"slow", "retry.5s", None),
        (None, "retry.5s", None),
        (None, "loomio.events", "loomio.events"),
        (None, "treadle.ticks", "treadle.ticks"),
        (None, "jobs.dead", None),
        (None, "", None),
    ],
)
def test_a_dead_letter_returns_to_its_queue_or_to_the_topic_of_its_fact(
    queue: bytes | None, died_in: str, topic: str | None
) -> None:
    assert home_topic(a_dead_letter(queue, died_in)) == topic


@given(queue=st.none() | st.binary(max_size=9) | st.sampled_from(Queue).map(str.encode), died_in=st.text())
def test_a_dead_letter_returns_to_a_topic_of_ours_or_to_none(queue: bytes | None, died_in: str) -> None:
    ours = [*(topic_of(each) for each in Queue), "loomio.events", "treadle.ticks"]

    assert home_topic(a_dead_letter(queue, died_in)) in (None, *ours)
