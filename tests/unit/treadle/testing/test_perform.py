"""`perform`: one attempt in a test, with the outcome that a consumer would come to."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.context import Context
from consumers.worker import Perform, Workers
from streams.errors import BadMessage, Discard, GiveUp, RetryLater, UnknownKind
from streams.job import Job
from streams.policy import Exhausted, Policy
from tests.support.builders.messages import NOW, Count, Greet
from treadle.testing import Dead, Discarded, Outcome, Retrying, Succeeded, failure_in, perform

MINUTE = timedelta(minutes=1)


def performed(worker: Perform[Greet], *, now: datetime | None = NOW, **arguments: Any) -> Outcome:
    """What an attempt to greet Ada ends in, with this worker and without a database."""
    workers = Workers()
    workers.worker(Greet)(worker)
    return perform(Greet("Ada"), now=now, workers=workers, **arguments)


def raising(error: BaseException) -> Perform[Greet]:
    def greet(job: Greet, ctx: Context) -> None:
        raise error

    return greet


def raising_async(error: BaseException) -> Perform[Greet]:
    async def greet(job: Greet, ctx: Context) -> None:
        raise error

    return greet


def test_a_worker_is_given_the_job_as_it_arrives_and_the_circumstances_named() -> None:
    seen: list[Any] = []

    def greet(job: Greet, ctx: Context) -> None:
        seen.extend([job, ctx.now, ctx.job_id, ctx.attempt, ctx.stopping])

    outcome = performed(greet, job_id="id-7", attempt=3, stopping=lambda: True)

    assert outcome == Succeeded()
    assert seen == [Greet("Ada"), NOW, "id-7", 3, True]


def test_each_attempt_is_another_job_now_unless_named_otherwise() -> None:
    seen: list[Context] = []

    performed(lambda job, ctx: seen.append(ctx), now=None)
    performed(lambda job, ctx: seen.append(ctx), now=None)

    first, second = seen
    assert first.job_id != second.job_id
    assert timedelta() <= datetime.now(UTC) - first.now < MINUTE
    assert (first.attempt, first.stopping) == (1, False)


@pytest.mark.parametrize("of", [raising, raising_async], ids=["plain", "async"])
def test_what_a_worker_raises_is_the_outcome_of_a_consumer(
    of: Callable[[BaseException], Perform[Greet]],
) -> None:
    assert performed(of(Discard("gone"))) == Discarded("gone")
    assert performed(of(RetryLater(MINUTE))) == Retrying(NOW + MINUTE, attempt=1, snoozes=1)
    assert isinstance(performed(of(GiveUp("hopeless"))), Dead)
    failed = performed(of(LookupError("no such poll")))
    assert failed == Retrying(NOW + timedelta(seconds=15), attempt=2, failure=failure_in(failed))
    assert (failure_in(failed).error, failure_in(failed).message) == ("LookupError", "no such poll")


def test_the_number_of_the_attempt_decides_about_the_next() -> None:
    dead = performed(raising(LookupError("no such poll")), attempt=26)

    assert isinstance(dead, Dead)
    assert failure_in(dead).why == "all 25 retries are exhausted"


def test_an_async_worker_runs_to_its_end() -> None:
    greeted: list[Greet] = []

    async def greet(job: Greet, ctx: Context) -> None:
        await asyncio.sleep(0)
        greeted.append(job)

    assert performed(greet) == Succeeded()
    assert greeted == [Greet("Ada")]


def test_an_async_worker_that_cancels_itself_fails_as_it_does_in_a_consumer() -> None:
    async def greet(job: Greet, ctx: Context) -> None:
        waiting = asyncio.ensure_future(asyncio.sleep(60))
        waiting.cancel()
        await waiting

    assert failure_in(performed(greet)).error == "CancelledError"


def test_an_async_worker_past_its_time_limit_fails() -> None:
    workers = Workers()

    @workers.worker(Greet, timeout=timedelta(milliseconds=1))
    async def greet(job: Greet, ctx: Context) -> None:
        await asyncio.sleep(60)

    assert failure_in(perform(Greet("Ada"), now=NOW, workers=workers)).error == "TookTooLong"


def test_a_time_limit_counts_from_the_real_clock_whatever_now_is() -> None:
    workers = Workers()
    seen: list[bool] = []

    @workers.worker(Greet, timeout=MINUTE)
    def greet(job: Greet, ctx: Context) -> None:
        seen.append(ctx.stopping)

    perform(Greet("Ada"), now=NOW - timedelta(days=365), workers=workers)

    assert seen == [False]


def test_an_async_test_is_advised_to_perform_on_a_thread() -> None:
    async def greet(job: Greet, ctx: Context) -> None: ...

    async def advised() -> None:
        with pytest.raises(RuntimeError, match=r"await asyncio.to_thread\(perform"):
            performed(greet)

    async def taken() -> Outcome:
        return await asyncio.to_thread(performed, greet)

    asyncio.run(advised())
    assert asyncio.run(taken()) == Succeeded()


@pytest.mark.parametrize("of", [raising, raising_async], ids=["plain", "async"])
def test_the_traceback_of_a_failure_is_printed(
    of: Callable[[BaseException], Perform[Greet]], capsys: pytest.CaptureFixture[str]
) -> None:
    performed(of(LookupError("no such poll")))

    printed = capsys.readouterr().err
    assert printed.startswith("Traceback (most recent call last):")
    assert "raise error" in printed
    assert printed.endswith("LookupError: no such poll\n")


def test_an_error_that_a_policy_discards_is_printed_or_raised_too(capsys: pytest.CaptureFixture[str]) -> None:
    class Ping(Job, kind="test.ping", policy=Policy(retries=0, exhausted=Exhausted.DISCARD)):
        pass

    workers = Workers()

    @workers.worker(Ping)
    def ping(job: Ping, ctx: Context) -> None:
        raise LookupError("no answer")

    assert isinstance(perform(Ping(), workers=workers), Discarded)
    assert "LookupError: no answer" in capsys.readouterr().err
    with pytest.raises(LookupError, match="no answer"):
        perform(Ping(), workers=workers, raises=True)


@pytest.mark.parametrize("verdict", [Discard("gone"), RetryLater(MINUTE)])
def test_a_verdict_prints_nothing(verdict: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    performed(raising(verdict))

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("error", [LookupError("no such poll"), GiveUp("hopeless"), SystemExit(3)])
@pytest.mark.parametrize("of", [raising, raising_async], ids=["plain", "async"])
def test_a_failure_can_be_raised_instead(
    of: Callable[[BaseException], Perform[Greet]], error: BaseException
) -> None:
    with pytest.raises(type(error)) as raised:
        performed(of(error), raises=True)

    assert raised.value is error
    assert raised.traceback[-1].name == "greet"


def test_a_verdict_is_returned_where_failures_are_raised() -> None:
    assert performed(raising(Discard("gone")), raises=True) == Discarded("gone")


def test_ctrl_c_ends_the_test_and_is_not_an_outcome() -> None:
    with pytest.raises(KeyboardInterrupt):
        performed(raising(KeyboardInterrupt()))


def test_a_transaction_without_a_database_fails_and_says_what_to_give() -> None:
    def greet(job: Greet, ctx: Context) -> None:
        with ctx.transaction():
            pass

    failed = failure_in(performed(greet))

    assert failed.message == "test.greet opens a transaction: give perform() a database"


def test_a_job_without_a_worker_is_a_mistake_of_the_test() -> None:
    with pytest.raises(
        UnknownKind, match=r"no worker performs test.count: import the module that declares it"
    ):
        perform(Count(1), workers=Workers())


def test_a_job_that_no_consumer_could_read_is_dead_and_says_why() -> None:
    workers = Workers()
    workers.worker(Count)(lambda job, ctx: None)
    job = Count("one")  # type: ignore[arg-type]  # as in a shop without a type checker

    assert "Expected `int`, got `str`" in failure_in(perform(job, workers=workers)).message
    with pytest.raises(BadMessage, match="Expected `int`, got `str`"):
        perform(job, workers=workers, raises=True)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="2025-12-08T18:07:00 has no time zone"):
        performed(raising(LookupError()), now=NOW.replace(tzinfo=None))
