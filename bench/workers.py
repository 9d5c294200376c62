"""The jobs of the benchmarks, as a shop would write them: `TREADLE_WORKERS=bench.workers`."""

import asyncio
import time
from typing import Any

from bench.counting import Counting, Recording
from treadle import Context, Job, Queue, worker

_counting = Counting()
_recording = Recording()


class NoOp(Job, kind="bench.noop"):
    """Is counted, and does nothing else."""

    number: int


@worker(NoOp)
def no_op(job: NoOp, ctx: Context) -> None:
    _counting.one()


class Wait(Job, kind="bench.wait"):
    """Waits as if for a remote answer, on a thread."""

    number: int
    seconds: float


@worker(Wait)
def wait(job: Wait, ctx: Context) -> None:
    _counting.begin()
    time.sleep(job.seconds)
    _counting.end()


class WaitAsync(Job, kind="bench.wait_async"):
    """The same, as a coroutine."""

    number: int
    seconds: float


async def wait_async(job: WaitAsync, ctx: Context) -> None:
    _counting.begin()
    await asyncio.sleep(job.seconds)
    _counting.end()


# Any: a version without `async` workers would refuse it by its type, and the measure then reports that.
_declare: Any = worker(WaitAsync)
_declare(wait_async)


class Start(Job, kind="bench.start", queue=Queue.CRITICAL):
    """Records how long it waited."""

    number: int
    sent: float


@worker(Start)
def start(job: Start, ctx: Context) -> None:
    _recording.began(job.number, job.sent)


class Backlog(Job, kind="bench.backlog", queue=Queue.LOW):
    """One of very many in a backlog."""

    number: int


@worker(Backlog)
def backlog(job: Backlog, ctx: Context) -> None:
    time.sleep(0.001)


class Record(Job, kind="bench.record"):
    """Records that it was performed, and when."""

    number: int


@worker(Record)
def record(job: Record, ctx: Context) -> None:
    _recording.one(job.number)
