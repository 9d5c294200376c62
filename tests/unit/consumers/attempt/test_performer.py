"""One attempt: whatever a message holds and a worker does, it ends in an outcome."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from consumers.attempt.outcome import Dead, Discarded, Outcome, Retrying, Succeeded
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import AlreadyDone, NoDatabase
from consumers.context import Context, Services
from consumers.worker import Perform, Workers
from streams.errors import Discard, GiveUp, RetryLater
from streams.message import Message, Received
from streams.moments import epoch_ms
from streams.process.logs import current_job
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
    performer = Performer(KINDS, workers, Services(Pretended()), clock=lambda: NOW, chance=lambda: 3)
    return performer.attempt(received or a_message())


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
    ("error", "name", "message"),
    [
        (LookupError("no such poll"), "LookupError", "no such poll"),
        (SystemExit(3), "SystemExit", "3"),
        (KeyboardInterrupt(), "KeyboardInterrupt", ""),
        (RecursionError("too deep"), "RecursionError", "too deep"),
        (ExceptionGroup("two", [ValueError()]), "ExceptionGroup", "two (1 sub-exception)"),
        (UnicodeError("\udcff"), "UnicodeError", "\\udcff"),
    ],
)
def test_whatever_a_worker_raises_is_retried(error: BaseException, name: str, message: str) -> None:
    ended = outcome(raising(error))

    assert isinstance(ended, Retrying)
    assert (ended.attempt, ended.due) == (2, NOW + timedelta(seconds=18))
    assert ended.failure is not None
    assert (ended.failure.error, ended.failure.message) == (name, message)
    assert (ended.failure.topic, ended.failure.partition, ended.failure.offset) == ("jobs.low", 2, 7)
    assert ended.failure.first_at == ended.failure.last_at == NOW


def test_a_worker_that_gives_up_leaves_a_dead_letter() -> None:
    ended = outcome(raising(GiveUp("never")))

    assert isinstance(ended, Dead)
    assert (ended.failure.message, ended.failure.why) == ("never", "its worker gave up")


def test_a_worker_may_snooze_its_job() -> None:
    assert outcome(raising(RetryLater(timedelta(minutes=5)))) == Retrying(NOW + timedelta(minutes=5), 1, 1)


def test_a_job_sent_to_its_queue_before_it_is_due_waits_first() -> None:
    due = {"treadle_due": b"%d" % (epoch_ms(NOW) + 60_000)}

    ended = outcome(raising(AssertionError("performed too early")), a_message(headers=due))

    assert ended == Retrying(NOW + timedelta(minutes=1), 1)


def test_a_job_released_by_a_clock_ahead_of_ours_is_performed_and_not_sent_back() -> None:
    due = epoch_ms(NOW) + 60_000
    received = a_message(headers={"treadle_due": b"%d" % due}, timestamp=due)

    assert outcome(lambda job, ctx: None, received) == Succeeded()


def test_a_kind_without_a_worker_is_a_dead_letter_that_says_what_to_set() -> None:
    ended = outcome(None)

    assert isinstance(ended, Dead)
    assert ended.failure.error == "UnknownKind"
    assert ended.failure.message == "no worker performs test.greet here: name its module in TREADLE_WORKERS"
    assert ended.failure.backtrace != ()


def test_a_message_that_cannot_be_read_is_a_dead_letter() -> None:
    ended = Performer(KINDS, Workers(), Services(Pretended())).attempt(a_message(b"hello"))

    assert isinstance(ended, Dead)
    assert ended.failure.error == "BadMessage"


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

    ended = Performer(KINDS, workers, Services(NoDatabase())).attempt(a_message())

    assert isinstance(ended, Retrying)
    assert ended.failure is not None
    assert ended.failure.message == "test.greet needs Loomio's database: set TREADLE_DATABASE"


def test_a_worker_sees_the_facts_of_its_job_and_log_lines_name_the_job() -> None:
    seen: list[Any] = []

    def perform(job: Greet, ctx: Context) -> None:
        seen.extend([ctx.job_id, ctx.kind, ctx.attempt, ctx.now, current_job.get()])

    outcome(perform, a_message(headers={"treadle_attempt": b"4"}))

    assert seen == ["id-1", "test.greet", 4, NOW, ("id-1", "test.greet")]
    assert current_job.get() is None


def test_a_long_job_sees_its_deadline_and_that_its_process_is_asked_to_stop() -> None:
    workers = Workers()
    seen: list[Any] = []

    @workers.worker(Greet, timeout=timedelta(hours=1))
    def greet(job: Greet, ctx: Context) -> None:
        seen.extend([ctx.deadline, ctx.stopping])

    Performer(KINDS, workers, Services(Pretended()), clock=lambda: NOW).attempt(a_message())
    Performer(KINDS, workers, Services(Pretended()), stopping=lambda: True).attempt(a_message())

    assert seen[0] == NOW + timedelta(hours=1)
    assert seen[1] is (datetime.now(UTC) > seen[0])
    assert seen[3] is True
