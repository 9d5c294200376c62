"""The event loop: each job that it takes is settled, or the process stops; none is left without a word."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from itertools import count

import pytest

from consumers.attempt.begun import Attempt, Begun, NotBegun
from consumers.attempt.outcome import Outcome, Retrying, Succeeded
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from consumers.executors.event_loop import EventLoop
from consumers.offsets.tracker import OffsetTracker
from consumers.settling.settle import Settler
from consumers.worker import Workers
from streams.errors import TreadleError
from streams.job import Queue
from streams.message import Received
from tests.support.builders.messages import KINDS, TIERS, Greet, a_message
from tests.support.fakes.memory_log import MemoryLog
from tests.support.waiting import wait_until

STARTED: list[EventLoop] = []


@pytest.fixture(autouse=True)
def loops_end() -> Iterator[None]:
    yield
    while STARTED:
        loop = STARTED.pop()
        loop._loop.call_soon_threadsafe(loop._loop.stop)
        loop._thread.join()


class AtLoop:
    """A loop, and its ready queue with greetings of these people."""

    def __init__(self, workers: Workers, *names: str, performer: Performer | None = None) -> None:
        self.outcomes: list[Outcome] = []
        self.failures: list[TreadleError] = []
        self.tracker = OffsetTracker("jobs.low", 2)
        self.ready = ReadyQueue({Queue.LOW: 1})
        self.offsets = count()
        self.put(*names)
        self.log = MemoryLog()
        settler = Settler(self.log, TIERS, self.record, self.failures.append)
        performer = performer or Performer(KINDS, workers, Services(NoDatabase()), chance=lambda: 5)
        self.loop = EventLoop(self.ready, performer, settler, limit=10)
        self.loop.start()
        STARTED.append(self.loop)

    def put(self, *names: str) -> None:
        for name in names:
            received = a_message(b'{"name":"%s"}' % name.encode(), offset=next(self.offsets))
            self.tracker.admit(received.offset)
            self.ready.put(Queue.LOW, [WorkItem(received, self.tracker)])

    def record(self, attempt: Attempt, outcome: Outcome, took: float) -> None:
        self.outcomes.append(outcome)

    @property
    def ended_in(self) -> list[type[Outcome]]:
        return [type(outcome) for outcome in self.outcomes]


def test_a_job_whose_worker_meets_a_cancelled_task_is_settled_and_the_next_is_performed() -> None:
    workers = Workers()

    @workers.worker(Greet)
    async def greet(job: Greet, ctx: Context) -> None:
        if job.name == "Eve":
            raise asyncio.CancelledError("the other side hung up")

    at = AtLoop(workers, "Eve", "Ada")

    wait_until(lambda: len(at.tracker.in_flight) == 0 and len(at.outcomes) == 2)
    assert sorted(at.ended_in, key=str) == [Retrying, Succeeded]
    assert [message.topic for message in at.log.messages] == ["retry.15s"]


def test_a_task_of_a_worker_that_exits_fails_its_job_and_ends_no_other() -> None:
    workers = Workers()

    @workers.worker(Greet)
    async def greet(job: Greet, ctx: Context) -> None:
        if job.name == "Eve":
            await asyncio.create_task(leave())
        await asyncio.sleep(0)

    async def leave() -> None:
        sys.exit(3)

    at = AtLoop(workers, "Eve")
    wait_until(lambda: at.ended_in == [Retrying])
    at.put("Ada")

    wait_until(lambda: at.ended_in == [Retrying, Succeeded])
    assert isinstance(at.outcomes[0], Retrying)
    assert at.outcomes[0].failure is not None
    assert (at.outcomes[0].failure.error, at.outcomes[0].failure.message) == ("SystemExit", "3")


def test_an_error_of_ours_when_a_job_starts_stops_the_process_and_leaves_the_offset() -> None:
    class Broken(Performer):
        def begin(self, received: Received) -> Begun | NotBegun:
            raise RuntimeError("a fault in Treadle")

    at = AtLoop(Workers(), "Ada", performer=Broken(KINDS, Workers(), Services(NoDatabase())))

    wait_until(lambda: at.failures)
    assert [str(failure) for failure in at.failures] == [
        "a job of jobs.low was not settled: a fault in Treadle"
    ]
    assert at.tracker.in_flight == {0}


def test_what_is_in_flight_when_the_process_leaves_stays_incomplete() -> None:
    workers = Workers()

    @workers.worker(Greet)
    async def greet(job: Greet, ctx: Context) -> None:
        await asyncio.sleep(600)

    at = AtLoop(workers, "Ada", "Bob")
    wait_until(lambda: len(at.loop.in_flight()) == 2)
    at.loop.cancel()

    wait_until(lambda: at.loop.in_flight() == [])
    assert at.tracker.in_flight == {0, 1}
    assert (at.outcomes, at.failures) == ([], [])
