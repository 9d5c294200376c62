"""Time limits of plain workers: told, then left behind, at last the process stops."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from consumers import overdue
from consumers.attempt import Attempt, Performer
from consumers.context import Context
from consumers.lanes import Lanes
from consumers.lifecycle import Finished
from consumers.offsets import Commit, OffsetTracker
from consumers.once import NoDatabase
from consumers.parcel import Parcel
from consumers.settle import Settler
from consumers.slots import Slots
from consumers.worker import Workers
from streams.errors import TreadleError
from streams.job import Queue
from tests.support.builders.messages import KINDS, TIERS, Greet, a_message
from tests.support.fakes.memory_log import MemoryLog
from tests.support.waiting import wait_until


class Stubborn:
    """Slots with a worker that does not return until the test says so, and a time limit that is over at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, slots: int, listens: bool = False) -> None:
        monkeypatch.setattr(overdue, "GRACE", 0.1)
        self.may_return = threading.Event()
        self.started = threading.Semaphore(0)
        self.finished: list[Finished] = []
        self.told = threading.Semaphore(0)
        self.failed = threading.Event()
        self.failures: list[TreadleError] = []
        self.tracker = OffsetTracker("jobs.low", 2)
        self.lanes = Lanes({Queue.LOW: 1})
        workers = Workers()

        @workers.worker(Greet, timeout=timedelta(milliseconds=10))
        def greet(job: Greet, ctx: Context) -> None:
            self.started.release()
            while not self.may_return.wait(0.005):
                if listens and ctx.stopping:
                    return

        performer = Performer(KINDS, workers, NoDatabase())
        self.log = MemoryLog()
        settler = Settler(self.log, TIERS, self._record, self._fail)
        self.slots = Slots(self.lanes, performer, settler, no_pool, slots)
        self.slots.start()

    def put(self, offset: int, job: str) -> None:
        self.tracker.admit(offset)
        message = a_message(offset=offset, headers={"ce_id": job.encode()})
        self.lanes.put(Queue.LOW, [Parcel(message, self.tracker)])

    def over(self) -> None:
        self.may_return.set()
        self.lanes.close()
        for thread in list(self.slots.threads):
            thread.join(5)
            assert not thread.is_alive()

    def _record(self, finished: Finished) -> None:
        self.finished.append(finished)
        self.told.release()

    def _fail(self, failure: TreadleError) -> None:
        self.failures.append(failure)
        self.failed.set()


def no_pool(attempt: Attempt) -> None:
    raise AssertionError("no worker here asks for a process")


def test_a_worker_that_listens_returns_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = Stubborn(monkeypatch, slots=1, listens=True)

    stubborn.put(1, "a")

    assert stubborn.told.acquire(timeout=5)
    assert [finished.outcome for finished in stubborn.finished] == ["succeeded"]
    stubborn.over()
    assert len(stubborn.slots.threads) == 1


def test_one_that_does_not_listen_counts_as_failed_and_its_slot_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stubborn = Stubborn(monkeypatch, slots=2)

    stubborn.put(1, "a")

    assert stubborn.told.acquire(timeout=5)
    assert stubborn.finished[0].outcome == "retrying"
    assert stubborn.finished[0].reason.startswith("TookTooLong: test.greet may take 0:00:00.01")
    wait_until(lambda: stubborn.tracker.commit() == Commit(2, ""), within=5)
    assert stubborn.failures == []
    stubborn.over()
    assert len(stubborn.slots.threads) == 3
    assert len(stubborn.finished) == 1, "what it came to in the end is not told any more"


def test_no_other_attempt_of_the_job_starts_while_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = Stubborn(monkeypatch, slots=2)
    stubborn.put(1, "a")
    assert stubborn.started.acquire(timeout=5)
    assert stubborn.told.acquire(timeout=5)

    stubborn.put(2, "a")  # somebody sent the dead letter back
    stubborn.put(3, "b")
    assert stubborn.started.acquire(timeout=5)  # b
    none_of_a = not stubborn.started.acquire(timeout=0.2)
    stubborn.may_return.set()

    assert none_of_a
    assert stubborn.started.acquire(timeout=5)  # a again
    stubborn.over()


def test_the_process_stops_when_as_many_are_left_behind_as_it_has_slots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stubborn = Stubborn(monkeypatch, slots=2)

    stubborn.put(1, "a")
    stubborn.put(2, "b")

    assert stubborn.failed.wait(5)
    assert str(stubborn.failures[0]).startswith("2 jobs go on after their time limit")
    stubborn.over()


def test_a_job_that_is_delivered_twice_is_at_work_once_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = Stubborn(monkeypatch, slots=2)
    monkeypatch.setattr(overdue, "GRACE", 60)

    stubborn.put(1, "a")
    assert stubborn.started.acquire(timeout=5)
    stubborn.put(2, "a")
    second_at_once = stubborn.started.acquire(timeout=0.2)
    stubborn.may_return.set()

    assert not second_at_once
    assert stubborn.started.acquire(timeout=5)
    wait_until(lambda: stubborn.tracker.commit() == Commit(3, ""), within=5)
    assert stubborn.failures == []
    stubborn.over()
