"""Settle, then complete: an offset is finished only when what it led to is acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from consumers.attempt import Attempt, Performer
from consumers.context import Context
from consumers.lanes import Lanes
from consumers.lifecycle import Finished
from consumers.offsets import Commit, OffsetTracker
from consumers.once import NoDatabase
from consumers.outcome import Dead, Discarded, Succeeded
from consumers.parcel import Parcel
from consumers.settle import Settler, settlement
from consumers.slots import Slots
from consumers.worker import Workers
from streams.dead import failure
from streams.errors import Discard, NotDelivered, TreadleError
from streams.job import Queue
from streams.message import Message, Received
from streams.producer import Done
from tests.builders.messages import KINDS, NOW, Count, Greet, a_message

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
        settler = Settler(sender, self.record, self.failures.append)
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


def no_pool(attempt: Attempt) -> None:
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


def test_a_success_settles_with_its_follow_ups() -> None:
    assert settlement(Succeeded((FOLLOW_UP,)), a_message()) == (FOLLOW_UP,)


def test_a_discarded_job_settles_with_nothing() -> None:
    assert settlement(Discarded("gone"), a_message()) == ()


def test_a_dead_job_settles_with_its_dead_letter() -> None:
    came = a_message(b"hello")

    (letter,) = settlement(Dead(failure(ValueError("no"), came, NOW)), came)

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
    slot.over()


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
