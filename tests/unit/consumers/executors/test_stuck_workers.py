"""Plain workers past their time limit: they see it, are then left behind, and at last the process stops."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from consumers.attempt.begun import Attempt
from consumers.attempt.outcome import Outcome, Retrying, Succeeded
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from consumers.executors import watchdog
from consumers.executors.process_pool import ProcessPool
from consumers.executors.slots import Slots
from consumers.offsets.commit import Commit
from consumers.offsets.tracker import OffsetTracker
from consumers.settling.settle import Settler
from consumers.worker import Workers
from streams.errors import TreadleError
from streams.job import Queue
from tests.support.builders.messages import KINDS, TIERS, Greet, a_message
from tests.support.fakes.memory_log import MemoryLog
from tests.support.waiting import wait_until


class Stubborn:
    """Slots with a worker that does not return until the test says so, and a time limit that is soon over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, slots: int, listens: bool = False) -> None:
        monkeypatch.setattr(watchdog, "GRACE", timedelta(milliseconds=100))
        self.may_return = threading.Event()
        self.started = threading.Semaphore(0)
        self.outcomes: list[Outcome] = []
        self.settled = threading.Semaphore(0)
        self.failed = threading.Event()
        self.failures: list[TreadleError] = []
        self.tracker = OffsetTracker("jobs.low", 2)
        self.ready = ReadyQueue({Queue.LOW: 1})
        workers = Workers()

        @workers.worker(Greet, timeout=timedelta(milliseconds=10))
        def greet(job: Greet, ctx: Context) -> None:
            self.started.release()
            while not self.may_return.wait(0.005):
                if listens and ctx.stopping:
                    return

        performer = Performer(KINDS, workers, Services(NoDatabase()))
        self.log = MemoryLog()
        settler = Settler(self.log, TIERS, self._record, self._fail)
        self.slots = Slots(self.ready, performer, settler, ProcessPool(performer, no_child), slots)
        self.slots.start()

    def put(self, offset: int, job: str) -> None:
        self.tracker.admit(offset)
        message = a_message(offset=offset, headers={"ce_id": job.encode()})
        self.ready.put(Queue.LOW, [WorkItem(message, self.tracker)])

    def over(self) -> None:
        self.may_return.set()
        self.ready.close()
        for thread in list(self.slots.threads):
            thread.join(5)
            assert not thread.is_alive()

    def _record(self, attempt: Attempt, outcome: Outcome, took: float) -> None:
        self.outcomes.append(outcome)
        self.settled.release()

    def _fail(self, failure: TreadleError) -> None:
        self.failures.append(failure)
        self.failed.set()


def no_child() -> Performer:
    raise AssertionError("no worker here asks for a process")


def test_a_worker_that_listens_returns_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = Stubborn(monkeypatch, slots=1, listens=True)

    stubborn.put(1, "a")

    assert stubborn.settled.acquire(timeout=5)
    assert stubborn.outcomes == [Succeeded()]
    stubborn.over()
    assert len(stubborn.slots.threads) == 1


def test_one_that_does_not_listen_has_failed_and_its_slot_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stubborn = Stubborn(monkeypatch, slots=2)

    stubborn.put(1, "a")

    assert stubborn.settled.acquire(timeout=5)
    assert isinstance(stubborn.outcomes[0], Retrying)
    assert stubborn.outcomes[0].failure is not None
    assert stubborn.outcomes[0].failure.error == "TookTooLong"
    assert stubborn.outcomes[0].failure.message.startswith("test.greet has a time limit of 0:00:00.01")
    wait_until(lambda: stubborn.tracker.commit() == Commit(2, ""), within=5)
    assert stubborn.failures == []
    stubborn.over()
    assert len(stubborn.slots.threads) == 3
    assert len(stubborn.outcomes) == 1, "what it did in the end is no longer settled"


def test_no_other_attempt_of_the_job_starts_while_it_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = Stubborn(monkeypatch, slots=2)
    stubborn.put(1, "a")
    assert stubborn.started.acquire(timeout=5)
    assert stubborn.settled.acquire(timeout=5)

    stubborn.put(2, "a")  # someone sent the dead letter back
    stubborn.put(3, "b")
    assert stubborn.started.acquire(timeout=5)  # b
    none_of_a = not stubborn.started.acquire(timeout=0.2)
    stubborn.may_return.set()

    assert none_of_a
    assert stubborn.started.acquire(timeout=5)  # a again
    stubborn.over()


def test_the_process_stops_when_as_many_are_stuck_as_it_has_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = Stubborn(monkeypatch, slots=2)

    stubborn.put(1, "a")
    stubborn.put(2, "b")

    assert stubborn.failed.wait(5)
    assert str(stubborn.failures[0]).startswith("2 jobs are stuck past their time limit")
    stubborn.over()


def test_a_job_that_is_delivered_twice_is_in_flight_once_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = Stubborn(monkeypatch, slots=2)
    monkeypatch.setattr(watchdog, "GRACE", timedelta(minutes=1))

    stubborn.put(1, "a")
    assert stubborn.started.acquire(timeout=5)
    stubborn.put(2, "a")
    second_beside_it = stubborn.started.acquire(timeout=0.2)
    stubborn.may_return.set()

    assert not second_beside_it
    assert stubborn.started.acquire(timeout=5)
    wait_until(lambda: stubborn.tracker.commit() == Commit(3, ""), within=5)
    assert stubborn.failures == []
    stubborn.over()
