"""One attempt: whatever a message holds and a worker does, it ends in an outcome."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from consumers.attempt import Performer
from consumers.context import Context
from consumers.once import AlreadyDone, NoDatabase
from consumers.outcome import Dead, Discarded, Outcome, Retrying, Succeeded
from consumers.worker import Perform, Workers
from streams.codec import epoch_ms
from streams.errors import ConfigError, Discard, GiveUp, RetryLater
from streams.logs import current_job
from streams.message import Message, Received
from tests.support.builders.messages import KINDS, NOW, Count, Greet, a_fact, a_message

KEPT = Message("jobs.low", None, b"{}", [])


class Pretended:
    """A transaction without a database; of job id `done`, an earlier run has committed."""

    @contextmanager
    def begin(self, ctx: Context) -> Iterator[Connection]:
        if ctx.job_id == "done":
            raise AlreadyDone((KEPT,))
        yield cast(Connection, None)


def outcome(perform: Perform[Greet] | None, received: Received | None = None) -> Outcome:
    """What an attempt ends in with this worker."""
    workers = Workers()
    if perform:
        workers.worker(Greet)(perform)
    performer = Performer(KINDS, workers, Pretended(), clock=lambda: NOW, chance=lambda: 3)
    ended = performer.attempt(received or a_message()).outcome
    assert ended is not None
    return ended


def raising(error: BaseException) -> Perform[Greet]:
    def perform(job: Greet, ctx: Context) -> None:
        raise error

    return perform


def test_a_worker_that_returns_has_succeeded() -> None:
    greeted = []

    assert outcome(lambda job, ctx: greeted.append(job)) == Succeeded()
    assert greeted == [Greet("Ada")]


def test_what_follows_is_part_of_the_outcome_under_ids_of_the_job() -> None:
    def perform(job: Greet, ctx: Context) -> None:
        ctx.enqueue(Count(1), Count(1))
        ctx.publish(a_fact())

    first, second = outcome(perform), outcome(perform)

    assert isinstance(first, Succeeded)
    assert [message.topic for message in first.follow_ups] == [
        "jobs.default",
        "jobs.default",
        "loomio.events",
    ]
    ids = [dict(message.headers)["ce_id"] for message in first.follow_ups]
    assert len(set(ids)) == 3
    assert dict(first.follow_ups[0].headers)["ce_source"] == b"/treadle/jobs/test.greet"
    assert second == first


def test_a_discarded_job_says_why() -> None:
    assert outcome(raising(Discard("already closed"))) == Discarded("already closed")


def test_what_a_discarding_worker_had_enqueued_is_not_sent() -> None:
    def perform(job: Greet, ctx: Context) -> None:
        ctx.enqueue(Count(1))
        raise Discard("changed my mind")

    assert outcome(perform) == Discarded("changed my mind")


def test_a_job_done_before_sends_again_what_followed_from_it() -> None:
    def perform(job: Greet, ctx: Context) -> None:
        with ctx.transaction():
            raise AssertionError("performed a second time")

    assert outcome(perform, a_message(headers={"ce_id": b"done"})) == Succeeded((KEPT,))


@pytest.mark.parametrize(
    ("error", "name", "told"),
    [
        (LookupError("no such poll"), "LookupError", "no such poll"),
        (SystemExit(3), "SystemExit", "3"),
        (KeyboardInterrupt(), "KeyboardInterrupt", ""),
        (RecursionError("too deep"), "RecursionError", "too deep"),
        (ExceptionGroup("two", [ValueError()]), "ExceptionGroup", "two (1 sub-exception)"),
        (UnicodeError("\udcff"), "UnicodeError", "\\udcff"),
    ],
)
def test_whatever_a_worker_raises_is_retried(error: BaseException, name: str, told: str) -> None:
    ended = outcome(raising(error))

    assert isinstance(ended, Retrying)
    assert (ended.attempt, ended.due) == (2, NOW + timedelta(seconds=18))
    assert ended.failure is not None
    assert (ended.failure.error, ended.failure.message) == (name, told)
    assert (ended.failure.topic, ended.failure.partition, ended.failure.offset) == ("jobs.low", 2, 7)
    assert ended.failure.first_at == ended.failure.last_at == NOW


def test_a_worker_that_gives_up_makes_a_dead_letter() -> None:
    ended = outcome(raising(GiveUp("never")))

    assert isinstance(ended, Dead)
    assert (ended.failure.message, ended.failure.why) == ("never", "its worker gave up")


def test_a_worker_may_put_its_job_off() -> None:
    assert outcome(raising(RetryLater(timedelta(minutes=5)))) == Retrying(NOW + timedelta(minutes=5), 1, 1)


def test_a_job_sent_home_before_it_is_due_is_held_first() -> None:
    due = {"treadle_due": b"%d" % (epoch_ms(NOW) + 60_000)}

    ended = outcome(raising(AssertionError("performed too early")), a_message(headers=due))

    assert ended == Retrying(NOW + timedelta(minutes=1), 1)


def test_a_job_let_go_by_a_clock_ahead_of_ours_is_performed_and_not_sent_back() -> None:
    due = epoch_ms(NOW) + 60_000
    came = a_message(headers={"treadle_due": b"%d" % due}, timestamp=due)

    assert outcome(lambda job, ctx: None, came) == Succeeded()


def test_a_kind_without_a_worker_is_a_dead_letter_that_says_what_to_set() -> None:
    ended = outcome(None)

    assert isinstance(ended, Dead)
    assert ended.failure.error == "UnknownKind"
    assert ended.failure.message == "no worker performs test.greet here: name its module in TREADLE_WORKERS"


def test_a_message_that_cannot_be_read_has_no_envelope_and_is_a_dead_letter() -> None:
    attempt = Performer(KINDS, Workers(), Pretended()).attempt(a_message(b"hello"))

    assert attempt.envelope is None
    assert isinstance(attempt.outcome, Dead)
    assert attempt.outcome.failure.error == "BadMessage"


def test_a_follow_up_too_large_for_a_message_is_a_dead_letter() -> None:
    ended = outcome(lambda job, ctx: ctx.enqueue(Greet("x" * 2_000_000)))

    assert isinstance(ended, Dead)
    assert "a job may have 1,048,576" in ended.failure.message


def test_a_worker_that_needs_a_database_where_there_is_none_says_what_to_set() -> None:
    def perform(job: Greet, ctx: Context) -> None:
        with ctx.transaction():
            pass

    workers = Workers()
    workers.worker(Greet)(perform)

    ended = Performer(KINDS, workers, NoDatabase()).attempt(a_message()).outcome

    assert isinstance(ended, Retrying)
    assert ended.failure is not None
    assert ended.failure.message == "test.greet needs Loomio's database: set TREADLE_DATABASE"


def test_a_worker_sees_its_papers_and_log_lines_know_the_job() -> None:
    seen: list[Any] = []

    def perform(job: Greet, ctx: Context) -> None:
        seen.extend([ctx.job_id, ctx.kind, ctx.attempt, ctx.now, current_job.get()])

    outcome(perform, a_message(headers={"treadle_attempt": b"4"}))

    assert seen == ["id-1", "test.greet", 4, NOW, ("id-1", "test.greet")]
    assert current_job.get() is None


def test_two_workers_cannot_claim_one_kind() -> None:
    workers = Workers()
    workers.worker(Greet)(raising(Discard("one")))

    with pytest.raises(ConfigError, match=r"two workers for test.greet: .*perform, .*perform"):
        workers.worker(Greet)(raising(Discard("other")))


def failure_of_async(workers: Workers) -> str:
    """The error with which an attempt by an async worker is to be tried again."""
    performer = Performer(KINDS, workers, Pretended())
    attempt = performer.begin(a_message())
    asyncio.run(performer.perform_async(attempt))
    assert isinstance(attempt.outcome, Retrying)
    assert attempt.outcome.failure is not None
    return attempt.outcome.failure.error


def test_an_async_worker_is_cancelled_when_its_time_is_over() -> None:
    workers = Workers()
    ended = []

    @workers.worker(Greet, timeout=timedelta(milliseconds=10))
    async def greet(job: Greet, ctx: Context) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(job.name)

    assert failure_of_async(workers) == "TookTooLong"
    assert ended == ["Ada"]


def test_a_timeout_that_an_async_worker_meets_elsewhere_is_its_own_error() -> None:
    workers = Workers()

    @workers.worker(Greet, timeout=timedelta(minutes=1))
    async def greet(job: Greet, ctx: Context) -> None:
        raise TimeoutError("the other side did not answer")

    assert failure_of_async(workers) == "TimeoutError"


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

    assert failure_of_async(workers) == "CancelledError"


def test_an_async_worker_that_is_cancelled_as_its_process_leaves_has_no_outcome() -> None:
    workers = Workers()

    @workers.worker(Greet)
    async def greet(job: Greet, ctx: Context) -> None:
        raise asyncio.CancelledError

    performer = Performer(KINDS, workers, Pretended())
    attempt = performer.begin(a_message())
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(performer.perform_async(attempt, leaving=lambda: True))

    assert attempt.outcome is None


def test_a_long_job_sees_its_deadline_and_that_its_process_is_asked_to_stop() -> None:
    workers = Workers()
    seen: list[Any] = []

    @workers.worker(Greet, timeout=timedelta(hours=1))
    def greet(job: Greet, ctx: Context) -> None:
        seen.extend([ctx.deadline, ctx.stopping])

    Performer(KINDS, workers, Pretended(), clock=lambda: NOW).attempt(a_message())
    Performer(KINDS, workers, Pretended(), stopping=lambda: True).attempt(a_message())

    assert seen[0] == NOW + timedelta(hours=1)
    assert seen[1] is (datetime.now(UTC) > seen[0])
    assert seen[3] is True
