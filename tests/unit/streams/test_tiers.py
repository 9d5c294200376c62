"""Which tiers a job passes on its wait: like change counted out in coins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.errors import BadMessage, ConfigError
from streams.headers import due_of
from streams.message import Message
from streams.tiers import HOLD, Tiers
from streams.wire.jobs import decode_job
from tests.support.builders.messages import KINDS, TIERS, a_message

EIGHT_DAYS = 8 * 86_400_000
WAITS = st.integers(0, 3_653 * 86_400_000) | st.integers(0, EIGHT_DAYS) | st.integers(0, 100_000)


def path(wait: int) -> tuple[list[tuple[str, int]], int]:
    """The tiers that a job passes when nothing else takes time, and what is left at the end."""
    passed = []
    while hop := TIERS.next_hop(wait):
        passed.append((hop.tier.topic, hop.wait))
        wait -= hop.wait
    return passed, wait


@given(wait=WAITS)
def test_the_waits_in_the_tiers_never_exceed_the_whole_and_less_than_the_hold_is_left(wait: int) -> None:
    passed, left = path(wait)

    assert 0 <= left < HOLD
    assert sum(each for _, each in passed) + left == wait


@given(wait=st.integers(0, EIGHT_DAYS))
def test_no_tier_is_passed_twice_and_none_larger_than_the_wait(wait: int) -> None:
    passed, _ = path(wait)

    topics = [topic for topic, _ in passed]
    assert len(set(topics)) == len(topics)
    assert len(topics) <= sum(tier.delay <= wait for tier in TIERS.by_topic.values())
    assert [each for _, each in passed] == sorted((each for _, each in passed), reverse=True)


@given(wait=st.integers(1, 3_000) | st.integers(1, EIGHT_DAYS))
@example(wait=500)
@example(wait=999)
@example(wait=HOLD)
def test_from_where_it_failed_a_job_moves_once_for_each_tier_that_fits_at_most_and_once_at_least(
    wait: int,
) -> None:
    first = TIERS.send_to_wait(Message("jobs.low", None, b"", [], due=wait), now=0)
    rest, _ = path(wait - TIERS.by_topic[first.topic].wait(first.partition or 0))

    assert 1 + len(rest) <= max(1, sum(tier.delay <= wait for tier in TIERS.by_topic.values()))
    assert first.topic not in [topic for topic, _ in rest]


@given(wait=st.integers(EIGHT_DAYS, 3_653 * 86_400_000))
def test_longer_waits_pass_the_largest_tier_once_for_eight_days(wait: int) -> None:
    passed, _ = path(wait)

    largest = sum(topic == "retry.48h" for topic, _ in passed)
    assert largest <= wait // EIGHT_DAYS + 1
    assert len(passed) - largest <= len(TIERS.by_topic) - 1


@given(wait=st.integers(HOLD, EIGHT_DAYS), spread=st.integers(0, 2**32))
def test_the_partition_says_how_long_its_messages_wait(wait: int, spread: int) -> None:
    hop = TIERS.next_hop(wait)

    assert hop is not None
    partition = hop.partition(spread)
    assert 0 <= partition < hop.tier.partitions
    assert hop.tier.wait(partition) == hop.wait


def test_jobs_are_distributed_over_all_partitions_of_a_wait() -> None:
    messages = [Message("jobs.low", None, b"", [("ce_id", b"%d" % n)], due=2_100) for n in range(99)]

    sent = [TIERS.send_to_wait(message, now=0) for message in messages]

    assert {message.topic for message in sent} == {"retry.1s"}
    assert {message.partition for message in sent} == {0, 4}


@pytest.mark.parametrize(
    ("due", "topic"), [(999, "jobs.low"), (1_000, "jobs.low"), (1_001, "retry.1s"), (None, "jobs.low")]
)
def test_what_is_due_stays_in_its_queue_and_the_shortest_wait_is_in_the_smallest_tier(
    due: int | None, topic: str
) -> None:
    message = Message("jobs.low", b"k", b"{}", [("treadle_due", b"1")], due=due)

    sent = TIERS.send_to_wait(message, now=1_000)

    assert sent.topic == topic
    assert sent[1:4] == (b"k", b"{}", message.headers)
    assert (sent is message) == (topic == "jobs.low")


@given(due=st.integers(-(2**70), 2**70) | st.sampled_from([-62135596800000, 253402300799999]))
@example(due=-62135596800001)
@example(due=253402300800000)
@example(due=int("-1" + 400 * "0"))
@example(due=int("1" + 400 * "0"))
def test_a_due_moment_is_readable_where_jobs_wait_and_where_they_are_performed_or_at_neither(
    due: int,
) -> None:
    received = a_message(headers={"treadle_due": b"5"}, more=[("treadle_due", str(due).encode())])

    if due_of(received.headers) is None:
        with pytest.raises(BadMessage, match="a header cannot be read"):
            decode_job(received, KINDS)
    else:
        assert decode_job(received, KINDS).due == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            milliseconds=due
        )


@pytest.mark.parametrize("due", [b"soon", b"", None, b"9" * 5_000, b"1e400", b"\xff", b"-" + b"9" * 400])
def test_what_is_not_a_moment_is_not_waited_for(due: bytes | None) -> None:
    assert due_of([("treadle_due", due)]) is None


def test_without_a_due_moment_a_message_stays_what_it_is() -> None:
    message = Message("jobs.low", b"k", b"{}", [])

    assert TIERS.send_to_wait(message, now=0) is message


def test_tiers_that_do_not_divide_each_other_are_refused() -> None:
    second = timedelta(seconds=1)

    with pytest.raises(
        ConfigError, match=r"topic b: the delay of a tier must divide that of the next larger one"
    ):
        Tiers.made_of([("a", second, 4), ("b", 2 * second, 1), ("c", 5 * second, 4)])
    with pytest.raises(ConfigError, match="a retry tier with a delay of PT1S is missing"):
        Tiers.made_of([("b", 2 * second, 4)])
    with pytest.raises(ConfigError, match="a retry tier with a delay of PT1S is missing"):
        Tiers.made_of([])
