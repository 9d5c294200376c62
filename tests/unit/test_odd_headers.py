"""Whatever headers a message has, it ends in an outcome and in messages that can be sent: no process stops on it.

One that stopped would be followed by the next, which stops on the same message, for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.attempt import Performer
from consumers.context import Context
from consumers.lifecycle import Batch, Finished, batch_of
from consumers.offsets import OffsetTracker
from consumers.once import NoDatabase
from consumers.parcel import Parcel
from consumers.retries import next_message
from consumers.settle import Settler
from consumers.waiting import Waiting
from consumers.worker import Workers
from streams.codec import epoch_ms
from streams.dead import FAILURE, failure
from streams.errors import Crashed, RetryLater, TreadleError
from streams.message import Headers, Message
from streams.producer import Done
from streams.redrive import fresh_papers, home_of
from tests.support.builders.messages import KINDS, NOW, TIERS, Greet, a_message

MS = epoch_ms(NOW)
OURS = [
    "treadle_queue",
    "treadle_attempt",
    "treadle_due",
    "treadle_later",
    "treadle_redrive",
    "treadle_moved",
]
THEIRS = ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "traceparent", "x", ""]
NUMBERS = st.integers() | st.integers(MS - 10**6, MS + 10**9) | st.integers(0, 400).map(lambda n: -(10**n))
FAILURES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["error", "message", "topic", "why"], st.text() | st.none()),
        **dict.fromkeys(["first_at", "last_at"], st.datetimes().map(str) | st.sampled_from(["", "9999-99"])),
        **dict.fromkeys(["partition", "offset", "crashes"], NUMBERS | st.floats()),
        "backtrace": st.lists(st.text()) | st.integers(),
    },
)
TOLD = st.builds(
    lambda whole, part: {**msgspec.to_builtins(whole), **part},
    st.just(failure(Crashed("ended"), a_message(), NOW)),
    FAILURES,
).map(msgspec.json.encode)
TEXTS = st.sampled_from(
    [b"test.greet", b"test.count", b"GenericWorker", b"low", b"1.0", b"id-1", b"\xff", b""]
)
VALUES = (
    st.none()
    | st.binary(max_size=30)
    | TEXTS
    | NUMBERS.map(lambda number: str(number).encode())
    | st.sampled_from([b"9" * 4_300, b"9" * 5_000])
)
UNREADABLE = st.sampled_from(
    [None, b"", b"{}", b'{"error":"\xff"}', b"[" * 100_000, b'{"x":' + b"[" * 100_000]
)
HEADERS = st.lists(
    st.tuples(st.sampled_from([*OURS, *THEIRS]), VALUES) | st.tuples(st.just(FAILURE), TOLD | UNREADABLE),
    max_size=6,
)
ERRORS = st.sampled_from([None, ValueError("no"), RetryLater(timedelta(minutes=1)), Crashed("ended", 1)])


class Sent:
    """A Sender whose messages are acknowledged at once."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, messages: object) -> None:
        raise AssertionError("nobody waits for Kafka")

    def send_then(self, messages: Sequence[Message], done: Done) -> None:
        self.messages += messages
        done(None)


def foreign(headers: Headers) -> Headers:
    return [each for each in headers if each[0] not in (FAILURE, *OURS)]


@settings(max_examples=300)
@given(headers=HEADERS, error=ERRORS)
def test_an_attempt_at_it_has_an_outcome_that_is_settled_and_told(
    headers: Headers, error: Exception | None
) -> None:
    workers = Workers()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        if error is not None:
            raise error

    performer = Performer(KINDS, workers, NoDatabase(), clock=lambda: NOW, log_failures=False)
    sender, told, failures = Sent(), list[Finished](), list[TreadleError]()
    settler = Settler(sender, TIERS, told.append, failures.append)
    for came in (a_message(more=headers), a_message(headers=headers)):
        tracker = OffsetTracker(came.topic, came.partition)
        tracker.admit(came.offset)

        settler.settle(Parcel(came, tracker), performer.attempt(came))

        assert tracker.running == set()
        led_to = [message for message in sender.messages if message.value == came.value]
        assert all(
            foreign(message.headers)[: len(came.headers)] == foreign(came.headers) for message in led_to
        )
        assert led_to or told[-1].outcome == "succeeded"
        sender.messages.clear()
    assert batch_of(msgspec.json.encode(Batch("host:1", told))).finished == told
    assert failures == []


@settings(max_examples=300)
@given(headers=HEADERS, tier=st.sampled_from(list(TIERS.by_topic)))
def test_where_it_waits_it_goes_on_as_it_came_or_is_a_dead_letter(headers: Headers, tier: str) -> None:
    for came in (a_message(more=headers, topic=tier), a_message(headers=headers, topic=tier)):
        waiting = Waiting(TIERS)
        waiting.admit(came, OffsetTracker(tier, came.partition), MS)
        goes_at = waiting.next_at()
        assert goes_at is not None

        (release,) = waiting.release(max(goes_at, MS), most=10)
        message = next_message(release, TIERS, NOW)

        assert release.came == came
        assert (message.key, message.value) == (came.key, came.value)
        assert foreign(message.headers) == foreign(came.headers)
        assert message.topic in ("jobs.dead", "jobs.low", *TIERS.by_topic)


@given(headers=HEADERS, key=st.none() | st.binary(max_size=9))
def test_it_is_sent_to_wait_or_home_with_all_that_it_had(headers: Headers, key: bytes | None) -> None:
    message = Message("jobs.low", key, b"{}", headers)

    sent = TIERS.send_to_wait(message, MS)

    assert sent.headers[: len(headers)] == headers
    assert (sent.key, sent.value) == (key, b"{}")


@given(headers=HEADERS)
def test_as_a_dead_letter_it_can_be_sent_home_again(headers: Headers) -> None:
    letter = a_message(headers=headers, topic="jobs.dead")

    assert home_of(letter) in (None, "jobs.low")
    assert foreign(fresh_papers(letter)) == foreign(headers)
