"""Settle, then complete: an offset is finished only when what it led to is acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest

from consumers.attempt import Attempt, Performer
from consumers.context import Context
from consumers.lanes import Lanes
from consumers.lifecycle import Finished
from consumers.offsets import Commit, OffsetTracker
from consumers.once import NoDatabase
from consumers.outcome import Dead, Discarded, Outcome, Retrying, Succeeded
from consumers.parcel import Parcel
from consumers.settle import Settler, settlement
from consumers.slots import Slots
from consumers.worker import Workers
from streams.codec import epoch_ms
from streams.dead import failure, failure_of
from streams.errors import Discard, NotDelivered, TreadleError
from streams.job import Queue
from streams.message import Message, Received
from streams.producer import Done
from tests.support.builders.messages import KINDS, NOW, TIERS, Count, Greet, a_message

MS = epoch_ms(NOW)
FOLLOW_UP = Message("jobs.low", None, b"{}", [])


class Held:
    """A Sender that keeps messages until the test lets them be acknowledged."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.done: Done | None = None
        self.came = threading.Event()

    def send(self, messages: object) -> None:
        raise AssertionError("a slot does not wait for Kafka")

    def send_then(self, messages: Sequence[Message], done: Done) -> None:
        self.messages += messages
        self.done = done
        self.came.set()


class OneSlot:
    """A lane with one message in it and one slot that serves it."""

    def __init__(self, received: Received, sender: Held, performer: Performer | None = None) -> None:
        self.finished: list[Finished] = []
        self.told = threading.Event()
        self.failures: list[TreadleError] = []
        self.tracker = OffsetTracker(received.topic, received.partition)
        self.tracker.admit(received.offset)
        self.lanes = Lanes({Queue.LOW: 1})
        self.lanes.put(Queue.LOW, [Parcel(received, self.tracker)])
        settler = Settler(sender, TIERS, self.record, self.failures.append)
        slots = Slots(self.lanes, performer or greeting(), settler, run_elsewhere=no_pool, count=1)
        slots.start()
        (self.thread,) = slots.threads

    def record(self, finished: Finished) -> None:
        self.finished.append(finished)
        self.told.set()

    def over(self) -> None:
        """Wait until the slot has nothing left to do."""
        self.lanes.close()
        self.thread.join(5)
        assert not self.thread.is_alive()


def no_pool(attempt: Attempt, deaths: int) -> None:
    raise AssertionError("no worker here asks for a process")


def greeting() -> Performer:
    """Greets everybody once, but for Bob, and tells so in a follow-up."""
    workers = Workers()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        if job.name == "Bob":
            raise Discard("gone home")
        ctx.enqueue(Count(job.times))

    return Performer(KINDS, workers, NoDatabase())


def settled(outcome: Outcome, received: Received | None = None) -> list[Message]:
    return list(settlement(outcome, received or a_message(), Queue.LOW, TIERS, MS))


def test_a_success_settles_with_its_follow_ups() -> None:
    assert settled(Succeeded((FOLLOW_UP,))) == [FOLLOW_UP]


def test_a_follow_up_for_later_begins_to_wait_when_it_is_sent() -> None:
    later = FOLLOW_UP._replace(headers=[("treadle_due", b"%d" % (MS + 60_500))])

    (message,) = settled(Succeeded((later,)))
    (sent_late,) = settlement(Succeeded((later,)), a_message(), Queue.LOW, TIERS, MS + 61_000)

    assert (message.topic, message.headers) == ("retry.1m", [*later.headers, ("treadle_queue", b"low")])
    assert sent_late == later


def test_a_job_to_be_retried_settles_as_it_came_in_its_first_tier() -> None:
    came = a_message(
        b"[1, 2 ]",
        key=b"k",
        headers={"treadle_attempt": b"1", "traceparent": b"00-ab-cd-01", "treadle_due": b"1", "x": b"\xff"},
    )
    due = NOW + timedelta(seconds=16)

    (message,) = settled(Retrying(due, 2, 0, failure(ValueError("no"), came, NOW)), came)

    headers = dict(message.headers)
    assert (message.topic, message.key, message.value) == ("retry.15s", b"k", b"[1, 2 ]")
    assert message.partition is not None
    assert TIERS.by_topic["retry.15s"].wait(message.partition) == 15_000
    assert (headers["treadle_attempt"], headers["treadle_queue"]) == (b"2", b"low")
    assert headers["treadle_due"] == b"%d" % (MS + 16_000)
    assert (headers["traceparent"], headers["x"], headers["ce_id"]) == (b"00-ab-cd-01", b"\xff", b"id-1")
    assert len(message.headers) == len(headers)


def test_the_first_failure_is_kept_through_retries_and_when_a_job_is_put_off() -> None:
    came = a_message()
    (first,) = settled(Retrying(NOW, 2, 0, failure(ValueError("one"), came, NOW)), came)
    again = a_message(headers=first.headers)

    (second,) = settled(Retrying(NOW, 3, 0, failure(KeyError("two"), again, NOW + timedelta(1))), again)
    (put_off,) = settled(Retrying(NOW, 2, 1), again)

    told = failure_of(a_message(headers=second.headers))
    assert told is not None
    assert (told.error, told.first_at, told.last_at) == ("KeyError", NOW, NOW + timedelta(1))
    assert failure_of(a_message(headers=put_off.headers)) == failure_of(again)
    assert dict(put_off.headers)["treadle_later"] == b"1"


def test_a_discarded_job_settles_with_nothing() -> None:
    assert settled(Discarded("gone")) == []


def test_a_dead_job_settles_with_its_dead_letter() -> None:
    came = a_message(b"hello")

    (letter,) = settled(Dead(failure(ValueError("no"), came, NOW)), came)

    assert (letter.topic, letter.value) == ("jobs.dead", b"hello")


def test_an_offset_is_finished_once_its_follow_ups_are_acknowledged() -> None:
    sender = Held()
    slot = OneSlot(a_message(), sender)
    assert sender.came.wait(5)
    assert sender.done is not None
    before = slot.tracker.commit()

    sender.done(None)

    assert [message.topic for message in sender.messages] == ["jobs.default"]
    assert before == Commit(7, "")
    assert slot.tracker.commit() == Commit(8, "")
    assert slot.tracker.running == set()
    assert slot.tracker.hurry, "what led to others is committed soon"
    slot.over()


def test_a_job_that_led_to_nothing_is_in_no_hurry_to_be_committed() -> None:
    slot = OneSlot(a_message(b'{"name":"Bob"}'), Held())
    assert slot.told.wait(5)
    slot.over()

    assert slot.tracker.commit() == Commit(8, "")
    assert not slot.tracker.hurry


def test_an_offset_stays_unfinished_when_kafka_does_not_take_its_dead_letter() -> None:
    sender = Held()
    slot = OneSlot(a_message(b"hello"), sender)
    assert sender.came.wait(5)
    assert sender.done is not None

    sender.done(NotDelivered("Kafka did not take a message for jobs.dead"))

    assert slot.tracker.commit() == Commit(7, "")
    assert slot.tracker.running == {7}
    assert [str(told) for told in slot.failures] == ["Kafka did not take a message for jobs.dead"]
    slot.over()


@pytest.mark.parametrize(
    ("value", "outcome", "reason"),
    [
        (b'{"name":"Bob"}', "discarded", "gone home"),
        (b'{"name":"Ada"}', "succeeded", ""),
        (b"{}", "dead", "BadMessage: test.greet: Object missing required field `name`"),
    ],
)
def test_every_attempt_is_told(value: bytes, outcome: str, reason: str) -> None:
    slot = OneSlot(a_message(value), Held())

    slot.told.wait(5)
    slot.over()

    (finished,) = slot.finished
    assert finished.outcome == outcome
    assert finished.reason.startswith(reason)
    assert finished.queue == "low"
    assert finished.took >= 0


def test_a_slot_that_fails_itself_ends_the_process_and_leaves_the_offset() -> None:
    class Broken(Performer):
        def begin(self, received: Received) -> Attempt:
            raise RuntimeError("a fault of ours")

    slot = OneSlot(a_message(), Held(), Broken(KINDS, Workers(), NoDatabase()))

    slot.thread.join(5)

    assert not slot.thread.is_alive()
    assert ["a fault of ours" in str(told) for told in slot.failures] == [True]
    assert slot.tracker.commit() == Commit(7, "")
