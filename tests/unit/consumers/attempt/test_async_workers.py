"""Attempts by `async` workers: time limits, and whose cancellation is whose."""

import asyncio
from datetime import timedelta

import pytest

from consumers.attempt.begun import Begun
from consumers.attempt.outcome import Retrying
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.worker import Workers
from tests.support.builders.messages import KINDS, Greet, a_message


def begun(workers: Workers) -> tuple[Performer, Begun]:
    """A performer with these workers, and an attempt that it has begun."""
    performer = Performer(KINDS, workers, Services(NoDatabase()))
    attempt = performer.begin(a_message())
    assert isinstance(attempt, Begun)
    return performer, attempt


def error_of(workers: Workers) -> str:
    """The error for which an attempt by an async worker is retried."""
    performer, attempt = begun(workers)
    outcome = asyncio.run(performer.perform_async(attempt))
    assert isinstance(outcome, Retrying)
    assert outcome.failure is not None
    return outcome.failure.error


def test_an_async_worker_is_cancelled_when_its_time_limit_is_over() -> None:
    workers = Workers()
    ended = []

    @workers.worker(Greet, timeout=timedelta(milliseconds=10))
    async def greet(job: Greet, ctx: Context) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(job.name)

    assert error_of(workers) == "TookTooLong"
    assert ended == ["Ada"]


def test_a_timeout_that_an_async_worker_meets_elsewhere_is_its_own_error() -> None:
    workers = Workers()

    @workers.worker(Greet, timeout=timedelta(minutes=1))
    async def greet(job: Greet, ctx: Context) -> None:
        raise TimeoutError("the other side did not answer")

    assert error_of(workers) == "TimeoutError"


@pytest.mark.parametrize("timeout", [None, timedelta(minutes=1)])
@pytest.mark.parametrize("whose", ["of a task", "of its own"])
def test_an_async_worker_that_meets_a_cancelled_task_has_failed(
    whose: str, timeout: timedelta | None
) -> None:
    workers = Workers()

    @workers.worker(Greet, timeout=timeout)
    async def greet(job: Greet, ctx: Context) -> None:
        task = asyncio.create_task(asyncio.sleep(60)) if whose == "of a task" else asyncio.current_task()
        assert task is not None
        task.cancel("the other side hung up")
        await (task if whose == "of a task" else asyncio.sleep(60))

    assert error_of(workers) == "CancelledError"


def test_an_async_worker_that_is_cancelled_as_its_process_leaves_has_no_outcome() -> None:
    workers = Workers()

    @workers.worker(Greet)
    async def greet(job: Greet, ctx: Context) -> None:
        raise asyncio.CancelledError

    performer, attempt = begun(workers)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(performer.perform_async(attempt, leaving=lambda: True))
