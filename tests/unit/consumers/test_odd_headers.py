"""Whatever headers a message has, it ends in an outcome and in messages that can be sent: no process stops on it.

If one stopped, the next would stop on the same message, and so on forever.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.attempt.begun import NotBegun
from consumers.attempt.outcome import Succeeded
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.dispatch.work_item import WorkItem
from consumers.offsets.tracker import OffsetTracker
from consumers.retries.process import next_message
from consumers.retries.wait_list import WaitList
from consumers.settling.reporter import Reporter
from consumers.settling.settle import Settler
from consumers.worker import Workers
from streams.errors import Crashed, RetryLater, TreadleError
from streams.headers import FAILURE, due_of
from streams.kafka.producer import Done
from streams.message import Headers, Message
from streams.moments import epoch_ms
from streams.wire.failure import failure
from streams.wire.home import home_topic
from streams.wire.lifecycle import decode_batch, encode_batch
from streams.wire.redrive import redriven_headers
from tests.support.builders.messages import KINDS, NOW, TIERS, Greet, a_message

MS = epoch_ms(NOW)
OURS = [
    "treadle_queue",
    "treadle_attempt",
    "treadle_due",
    "treadle_snoozes",
    "treadle_redrives",
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
WRITTEN = st.builds(
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
    st.tuples(st.sampled_from([*OURS, *THEIRS]), VALUES) | st.tuples(st.just(FAILURE), WRITTEN | UNREADABLE),
    max_size=6,
)
ERRORS = st.sampled_from([None, ValueError("no"), RetryLater(timedelta(minutes=1)), Crashed("ended", 1)])


class Sent:
    """A Sender whose messages are acknowledged immediately."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, messages: object) -> None:
        raise AssertionError("no one waits for Kafka here")

    def send_then(self, messages: Sequence[Message], done: Done) -> None:
        self.messages += messages
        done(None)


def foreign(headers: Headers) -> Headers:
    return [each for each in headers if each[0] not in (FAILURE, *OURS)]


@settings(max_examples=300)
@given(headers=HEADERS, error=ERRORS)
def test_an_attempt_at_it_has_an_outcome_that_is_settled_and_reported(
    headers: Headers, error: Exception | None
) -> None:
    workers = Workers()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        if error is not None:
            raise error

    performer = Performer(KINDS, workers, Services(NoDatabase()), clock=lambda: NOW, log_failures=False)
    sender, lifecycle, failures = Sent(), Sent(), list[TreadleError]()
    reporter = Reporter(lifecycle)
    settler = Settler(sender, TIERS, reporter.record, failures.append)
    reporter.start()
    for received in (a_message(more=headers), a_message(headers=headers)):
        tracker = OffsetTracker(received.topic, received.partition)
        tracker.admit(received.offset)
        attempt = performer.begin(received)
        outcome = attempt.outcome if isinstance(attempt, NotBegun) else performer.perform(attempt)

        settler.settle(WorkItem(received, tracker), attempt, outcome, 0.1)

        assert tracker.in_flight == set()
        led_to = [message for message in sender.messages if message.value == received.value]
        assert all(
            foreign(message.headers)[: len(received.headers)] == foreign(received.headers)
            for message in led_to
        )
        assert led_to or isinstance(outcome, Succeeded)
        sender.messages.clear()
    reporter.close()
    batches = [decode_batch(message.value) for message in lifecycle.messages]
    assert sum(len(batch.finished) for batch in batches) == 2
    assert [encode_batch(batch) for batch in batches] == lifecycle.messages
    assert failures == []


@settings(max_examples=300)
@given(headers=HEADERS, tier=st.sampled_from(list(TIERS.by_topic)))
def test_where_it_waits_it_moves_on_unchanged_or_is_a_dead_letter(headers: Headers, tier: str) -> None:
    for received in (a_message(more=headers, topic=tier), a_message(headers=headers, topic=tier)):
        wait_list = WaitList(TIERS)
        wait_list.admit(received, OffsetTracker(tier, received.partition), MS)
        go_at = wait_list.next_at()
        assert go_at is not None

        (release,) = wait_list.release(max(go_at, MS), most=10)
        message = next_message(release, TIERS, NOW)

        assert release.received == received
        assert (message.key, message.value) == (received.key, received.value)
        assert foreign(message.headers) == foreign(received.headers)
        assert message.topic in ("jobs.dead", "jobs.low", *TIERS.by_topic)


@given(headers=HEADERS, key=st.none() | st.binary(max_size=9))
def test_it_is_sent_to_wait_or_to_its_queue_with_everything_it_had(
    headers: Headers, key: bytes | None
) -> None:
    message = Message("jobs.low", key, b"{}", headers, due=due_of(headers))

    sent = TIERS.send_to_wait(message, MS)

    assert sent.headers[: len(headers)] == headers
    assert (sent.key, sent.value) == (key, b"{}")


@given(headers=HEADERS)
def test_as_a_dead_letter_it_can_be_sent_back_to_its_queue(headers: Headers) -> None:
    dead_letter = a_message(headers=headers, topic="jobs.dead")

    assert home_topic(dead_letter) in (None, "jobs.low")
    assert foreign(redriven_headers(dead_letter)) == foreign(headers)
