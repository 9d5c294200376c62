"""The watchdog by itself: when it abandons an executor, and what waits behind an attempt."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from consumers.attempt.begun import Attempt, Begun
from consumers.attempt.outcome import Outcome, Retrying
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from consumers.executors import watchdog
from consumers.executors.watchdog import Watchdog
from consumers.offsets.tracker import OffsetTracker
from consumers.settling.settle import Settler
from consumers.worker import Workers
from streams.errors import TreadleError
from streams.job import Queue
from tests.support.builders.messages import KINDS, TIERS, Greet, a_message
from tests.support.fakes.memory_log import MemoryLog

SOON, LONG = timedelta(milliseconds=10), timedelta(minutes=1)


class FakeExecutor:
    """Runs nothing; knows whether it was abandoned."""

    def __init__(self) -> None:
        self.abandoned = threading.Event()

    def abandon(self) -> None:
        self.abandoned.set()


class Watching:
    """A watchdog of a process that serves the queue `low`, and what it settles."""

    def __init__(self, *, max_stuck: int = 10) -> None:
        workers = Workers()
        workers.worker(Greet, timeout=LONG)(not_called)
        self.performer = Performer(KINDS, workers, Services(NoDatabase()))
        self.tracker = OffsetTracker("jobs.low", 2)
        self.ready = ReadyQueue({Queue.LOW: 1})
        self.settled: list[tuple[Attempt, Outcome, float]] = []
        self.is_settled = threading.Event()
        self.failures: list[TreadleError] = []
        self.failed = threading.Event()
        settler = Settler(MemoryLog(), TIERS, self.record, self.fail)
        self.watchdog = Watchdog(self.performer, settler, self.ready, max_stuck=max_stuck)

    def begun(self, offset: int, **headers: bytes) -> tuple[WorkItem, Begun]:
        received = a_message(offset=offset, headers=headers)
        attempt = self.performer.begin(received)
        assert isinstance(attempt, Begun)
        self.tracker.admit(offset)
        return WorkItem(received, self.tracker), attempt

    def record(self, attempt: Attempt, outcome: Outcome, took: float) -> None:
        self.settled.append((attempt, outcome, took))
        self.is_settled.set()

    def fail(self, failure: TreadleError) -> None:
        self.failures.append(failure)
        self.failed.set()


def not_called(job: Greet, ctx: Context) -> None:
    raise AssertionError("the executors here run nothing")


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "GRACE", timedelta())


def test_what_returns_in_time_is_left_to_its_executor() -> None:
    watching, executor = Watching(), FakeExecutor()
    item, attempt = watching.begun(7)

    watched = watching.watchdog.watch(item, attempt, LONG, executor)
    in_time = watching.watchdog.finish(attempt)

    assert watched
    assert in_time
    assert not executor.abandoned.is_set()
    assert watching.settled == []


@pytest.mark.usefixtures("no_grace")
def test_what_is_stuck_is_settled_as_too_long_and_its_executor_is_abandoned() -> None:
    watching, executor = Watching(), FakeExecutor()
    item, attempt = watching.begun(7)

    watching.watchdog.watch(item, attempt, SOON, executor)

    assert watching.is_settled.wait(5)
    ((settled, outcome, took),) = watching.settled
    assert settled is attempt
    assert isinstance(outcome, Retrying)
    assert outcome.failure is not None
    assert outcome.failure.error == "TookTooLong"
    assert took == SOON.total_seconds()
    assert executor.abandoned.is_set()
    assert not watching.watchdog.finish(attempt), "it is settled already"
    assert watching.failures == []


@pytest.mark.usefixtures("no_grace")
def test_the_process_stops_when_too_many_are_stuck() -> None:
    watching = Watching(max_stuck=1)

    watching.watchdog.watch(*watching.begun(7), SOON, FakeExecutor())

    assert watching.failed.wait(5)
    assert [str(failure) for failure in watching.failures] == [
        "1 jobs are stuck past their time limit; the process stops to end them"
    ]


def test_further_items_of_a_job_wait_until_its_attempt_ends_and_are_put_back_then() -> None:
    watching = Watching()
    first, attempt = watching.begun(7)
    second, again = watching.begun(8)
    watching.watchdog.watch(first, attempt, LONG, FakeExecutor())

    watched = watching.watchdog.watch(second, again, LONG, FakeExecutor())
    before = watching.ready.take()
    watching.watchdog.finish(attempt)

    assert not watched
    assert before is None
    assert watching.ready.take() is second


def test_an_item_is_put_back_into_the_queue_it_is_from_whatever_queue_a_header_names() -> None:
    watching = Watching()  # it serves `low` alone
    first, attempt = watching.begun(7, treadle_queue=b"high")
    second, again = watching.begun(8, treadle_queue=b"high")
    watching.watchdog.watch(first, attempt, LONG, FakeExecutor())
    watching.watchdog.watch(second, again, LONG, FakeExecutor())

    watching.watchdog.finish(attempt)

    assert watching.ready.take() is second
