"""A slot: what it takes is performed and settled, and its offset is finished once that is acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from consumers.attempt.begun import Attempt, Begun, NotBegun
from consumers.attempt.outcome import Outcome
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from consumers.executors.process_pool import ProcessPool
from consumers.executors.slots import Slots
from consumers.offsets.commit import Commit
from consumers.offsets.tracker import OffsetTracker
from consumers.settling.reporter import Reporter
from consumers.settling.settle import Settler
from consumers.worker import Workers
from streams.errors import Discard, NotDelivered, TreadleError
from streams.job import Queue
from streams.kafka.producer import Done
from streams.message import Message, Received
from streams.topics import LIFECYCLE
from streams.wire.lifecycle import Finished, decode_batch
from tests.support.builders.messages import KINDS, TIERS, Count, Greet, a_message
from tests.support.fakes.memory_log import MemoryLog


class Held:
    """A Sender that keeps messages until the test lets them be acknowledged."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.done: Done | None = None
        self.arrived = threading.Event()

    def send(self, messages: object) -> None:
        raise AssertionError("a slot does not wait for Kafka")

    def send_then(self, messages: Sequence[Message], done: Done) -> None:
        self.messages += messages
        self.done = done
        self.arrived.set()


class OneSlot:
    """A ready queue with one message in it, one slot that serves it, and a reporter."""

    def __init__(self, received: Received, sender: Held, performer: Performer | None = None) -> None:
        self.lifecycle = MemoryLog()
        self.reporter = Reporter(self.lifecycle)
        self.recorded = threading.Event()
        self.failures: list[TreadleError] = []
        self.tracker = OffsetTracker(received.topic, received.partition)
        self.tracker.admit(received.offset)
        self.ready = ReadyQueue({Queue.LOW: 1})
        self.ready.put(Queue.LOW, [WorkItem(received, self.tracker)])
        settler = Settler(sender, TIERS, self.record, self.failures.append)
        performer = performer or greeting()
        slots = Slots(self.ready, performer, settler, ProcessPool(performer, no_child), count=1)
        self.reporter.start()
        slots.start()
        (self.thread,) = slots.threads

    def record(self, attempt: Attempt, outcome: Outcome, took: float) -> None:
        self.reporter.record(attempt, outcome, took)
        self.recorded.set()

    def over(self) -> None:
        """Wait until the slot has nothing left to do, and the reporter nothing to send."""
        self.ready.close()
        self.thread.join(5)
        assert not self.thread.is_alive()
        self.reporter.close()

    @property
    def reported(self) -> list[Finished]:
        return [each for sent in self.lifecycle.of(LIFECYCLE) for each in decode_batch(sent.value).finished]


def no_child() -> Performer:
    raise AssertionError("no worker here asks for a process")


def greeting() -> Performer:
    """Greets everyone once, except Bob, and says so in a follow-up."""
    workers = Workers()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        if job.name == "Bob":
            raise Discard("gone home")
        ctx.enqueue(Count(job.times))

    return Performer(KINDS, workers, Services(NoDatabase()))


def test_an_offset_is_finished_once_its_follow_ups_are_acknowledged() -> None:
    sender = Held()
    slot = OneSlot(a_message(), sender)
    assert sender.arrived.wait(5)
    assert sender.done is not None
    before = slot.tracker.commit()

    sender.done(None)

    assert [message.topic for message in sender.messages] == ["jobs.default"]
    assert before == Commit(7, "")
    assert slot.tracker.commit() == Commit(8, "")
    assert slot.tracker.in_flight == set()
    assert slot.tracker.commit_soon, "what led to other messages is committed soon"
    slot.over()


def test_a_job_that_led_to_nothing_need_not_be_committed_soon() -> None:
    slot = OneSlot(a_message(b'{"name":"Bob"}'), Held())
    assert slot.recorded.wait(5)
    slot.over()

    assert slot.tracker.commit() == Commit(8, "")
    assert not slot.tracker.commit_soon


def test_an_offset_stays_incomplete_when_kafka_does_not_take_its_dead_letter() -> None:
    sender = Held()
    slot = OneSlot(a_message(b"hello"), sender)
    assert sender.arrived.wait(5)
    assert sender.done is not None

    sender.done(NotDelivered("Kafka did not accept a message for jobs.dead"))

    assert slot.tracker.commit() == Commit(7, "")
    assert slot.tracker.in_flight == {7}
    assert [str(failure) for failure in slot.failures] == ["Kafka did not accept a message for jobs.dead"]
    slot.over()


@pytest.mark.parametrize(
    ("value", "outcome", "reason"),
    [
        (b'{"name":"Bob"}', "discarded", "gone home"),
        (b'{"name":"Ada"}', "succeeded", ""),
        (b"{}", "dead", "BadMessage: test.greet: Object missing required field `name`"),
    ],
)
def test_every_attempt_is_reported(value: bytes, outcome: str, reason: str) -> None:
    slot = OneSlot(a_message(value), Held())

    slot.recorded.wait(5)
    slot.over()

    (finished,) = slot.reported
    assert finished.outcome == outcome
    assert finished.reason.startswith(reason)
    assert finished.queue == "low"
    assert finished.took >= 0


def test_a_slot_that_fails_itself_stops_the_process_and_leaves_the_offset() -> None:
    class Broken(Performer):
        def begin(self, received: Received) -> Begun | NotBegun:
            raise RuntimeError("a fault in Treadle")

    slot = OneSlot(a_message(), Held(), Broken(KINDS, Workers(), Services(NoDatabase())))

    slot.thread.join(5)

    assert not slot.thread.is_alive()
    assert ["a fault in Treadle" in str(failure) for failure in slot.failures] == [True]
    assert slot.tracker.commit() == Commit(7, "")
    slot.over()
