"""The event loop: each job that it takes is settled, or the process ends; none is left standing in silence."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from itertools import count

import pytest

from consumers.attempt import Attempt, Performer
from consumers.context import Context
from consumers.event_loop import EventLoop
from consumers.lanes import Lanes
from consumers.lifecycle import Finished
from consumers.offsets import OffsetTracker
from consumers.once import NoDatabase
from consumers.parcel import Parcel
from consumers.settle import Settler
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
    """A loop, and a lane before it with greetings of these people."""

    def __init__(self, workers: Workers, *names: str, performer: Performer | None = None) -> None:
        self.finished: list[Finished] = []
        self.failures: list[TreadleError] = []
        self.tracker = OffsetTracker("jobs.low", 2)
        self.lanes = Lanes({Queue.LOW: 1})
        self.offsets = count()
        self.put(*names)
        self.log = MemoryLog()
        settler = Settler(self.log, TIERS, self.finished.append, self.failures.append)
        performer = performer or Performer(KINDS, workers, NoDatabase(), chance=lambda: 5)
        self.loop = EventLoop(self.lanes, performer, settler, limit=10)
        self.loop.start()
        STARTED.append(self.loop)

    def put(self, *names: str) -> None:
        for name in names:
            received = a_message(b'{"name":"%s"}' % name.encode(), offset=next(self.offsets))
            self.tracker.admit(received.offset)
            self.lanes.put(Queue.LOW, [Parcel(received, self.tracker)])

    @property
    def outcomes(self) -> list[str]:
        return [told.outcome for told in self.finished]


def test_a_job_whose_worker_meets_a_cancelled_task_is_settled_and_the_next_is_performed() -> None:
    workers = Workers()

    @workers.worker(Greet)
    async def greet(job: Greet, ctx: Context) -> None:
        if job.name == "Eve":
            raise asyncio.CancelledError("the other side hung up")

    at = AtLoop(workers, "Eve", "Ada")

    wait_until(lambda: len(at.tracker.running) == 0 and len(at.finished) == 2, told="both are settled")
    assert sorted(at.outcomes) == ["retrying", "succeeded"]
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
    wait_until(lambda: at.outcomes == ["retrying"], told="it is settled")
    at.put("Ada")

    wait_until(lambda: at.outcomes == ["retrying", "succeeded"], told="the next is performed")
    assert at.finished[0].reason == "SystemExit: 3"


def test_a_fault_of_ours_when_a_job_starts_ends_the_process_and_leaves_the_offset() -> None:
    class Broken(Performer):
        def begin(self, received: Received) -> Attempt:
            raise RuntimeError("a fault of ours")

    at = AtLoop(Workers(), "Ada", performer=Broken(KINDS, Workers(), NoDatabase()))

    wait_until(lambda: at.failures, told="the process hears of it")
    assert [str(told) for told in at.failures] == ["a job of jobs.low was not settled: a fault of ours"]
    assert at.tracker.running == {0}


def test_what_is_at_work_when_the_process_leaves_stays_unfinished() -> None:
    workers = Workers()

    @workers.worker(Greet)
    async def greet(job: Greet, ctx: Context) -> None:
        await asyncio.sleep(600)

    at = AtLoop(workers, "Ada", "Bob")
    wait_until(lambda: len(at.loop.at_work()) == 2, told="both are at work")
    at.loop.cancel()

    wait_until(lambda: at.loop.at_work() == [], told="they are cancelled")
    assert at.tracker.running == {0, 1}
    assert (at.finished, at.failures) == ([], [])
