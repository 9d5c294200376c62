"""From an error to an outcome: what a policy makes of it, and after which wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consumers.attempt.decide import decide
from consumers.attempt.outcome import Dead, Discarded, Outcome, Retrying
from streams.errors import BadMessage, Crashed, Discard, GiveUp, RetryLater
from streams.headers import FAILURE
from streams.job import Job, Queue, kind_of
from streams.jobs.threads import RepairThread
from streams.policy import CRITICAL, LONGEST_WAIT, MAX_SNOOZES, NO_RETRIES, USUAL, Exhausted, Policy, Steps
from streams.wire.failure import MAX_REASON, failure
from tests.support.builders.messages import NOW, a_message, an_envelope

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


class Usual(Job, kind="policy.usual"):
    pass


class Urgent(Job, kind="policy.urgent", queue=Queue.CRITICAL):
    pass


class Once(Job, kind="policy.once", policy=NO_RETRIES):
    pass


class Own(
    Job, kind="policy.own", policy=Policy(2, Steps((SECOND, MINUTE)), (PermissionError, "JSONDecodeError"))
):
    pass


class Fleeting(Job, kind="policy.fleeting", policy=Policy(retries=0, exhausted=Exhausted.DISCARD)):
    pass


def decided(job: Job, error: BaseException, *, attempt: int = 1, snoozes: int = 0, r: int = 0) -> Outcome:
    return decide(an_envelope(job, attempt=attempt, snoozes=snoozes), error, a_message(), NOW, r)


@pytest.mark.parametrize(
    ("count", "r", "seconds"),
    # Sidekiq 6.5, `Sidekiq::JobRetry`: count**4 + 15 + r*(count+1)
    [(0, 0, 15), (0, 9, 24), (1, 5, 26), (2, 0, 31), (3, 1, 100), (10, 9, 10_114), (24, 0, 331_791)],
)
def test_the_usual_waits_are_sidekiqs(count: int, r: int, seconds: int) -> None:
    ended = decided(Usual(), ValueError(), attempt=count + 1, r=r)

    assert isinstance(ended, Retrying)
    assert (ended.attempt, ended.due) == (count + 2, NOW + seconds * SECOND)


def test_twenty_five_retries_take_three_weeks() -> None:
    whole = sum((USUAL.backoff.wait(count, 4) for count in range(25)), timedelta())

    assert timedelta(days=20) < whole < timedelta(days=22)


def test_critical_jobs_wait_by_their_list_and_then_hourly() -> None:
    waits = []
    for attempt in range(1, 26):
        ended = decided(Urgent(), ValueError(), attempt=attempt, r=9)
        assert isinstance(ended, Retrying)
        waits.append(ended.due - NOW)

    assert waits[:8] == [30 * SECOND, *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)), HOUR]
    assert set(waits[8:]) == {HOUR}


@pytest.mark.parametrize(
    ("job", "attempt", "error", "why"),
    [
        (Usual(), 26, ValueError("no"), "all 25 retries are exhausted"),
        (Urgent(), 26, ValueError("no"), "all 25 retries are exhausted"),
        (Once(), 1, ValueError("no"), "jobs of kind policy.once are not retried"),
        (RepairThread(1), 1, LookupError("no"), "jobs of kind threads.repair are not retried"),
        (Own(), 3, ValueError("no"), "all 2 retries are exhausted"),
        (Own(), 1, PermissionError("no"), "a PermissionError is not retried"),
        (Own(), 1, type("JSONDecodeError", (ValueError,), {})("no"), "a JSONDecodeError is not retried"),
        (Usual(), 1, GiveUp("no"), "its worker gave up"),
        (Usual(), 1, BadMessage("no"), "it would fail the same way every time"),
        (Usual(), 26, RetryLater(SECOND), "all 25 retries are exhausted"),
    ],
)
def test_a_job_that_is_not_retried_is_a_dead_letter_that_says_why(
    job: Job, attempt: int, error: Exception, why: str
) -> None:
    ended = decided(job, error, attempt=attempt, snoozes=MAX_SNOOZES)

    assert ended == Dead(failure(error, a_message(), NOW, why))


def test_a_kind_may_be_discarded_when_it_is_exhausted() -> None:
    assert decided(Fleeting(), ValueError("x")) == Discarded(
        "ValueError; jobs of kind policy.fleeting are not retried"
    )


def test_what_a_worker_discards_no_policy_decides() -> None:
    assert decided(Once(), Discard("already closed")) == Discarded("already closed")


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (LookupError("no poll"), "no poll"),
        (None, "None"),
        (404, "404"),
        ("bad name \udcff", "bad name \\udcff"),
        ("x" * 5_000, "x" * MAX_REASON),
    ],
)
def test_whatever_a_worker_gives_as_its_reason_is_text_that_can_be_written(reason: Any, text: str) -> None:
    dead = decided(Usual(), GiveUp(reason))

    assert decided(Usual(), Discard(reason)) == Discarded(text)
    assert isinstance(dead, Dead)
    assert dead.failure.message == text


def test_a_snooze_costs_no_attempt_until_there_were_too_many() -> None:
    error = RetryLater(MINUTE)

    first, last = decided(Once(), error), decided(Once(), error, snoozes=MAX_SNOOZES - 1)
    counted, over = decided(Usual(), error, snoozes=MAX_SNOOZES), decided(Once(), error, snoozes=MAX_SNOOZES)

    assert first == Retrying(NOW + MINUTE, 1, 1)
    assert last == Retrying(NOW + MINUTE, 1, MAX_SNOOZES)
    assert counted == Retrying(NOW + MINUTE, 2, MAX_SNOOZES, failure(error, a_message(), NOW))
    assert isinstance(over, Dead)


@given(attempt=st.integers(-(2**31), 2**31), snoozes=st.integers(0, 200), r=st.integers(0, 9))
def test_whatever_a_header_claims_there_is_an_outcome_and_no_wait_of_more_than_ten_years(
    attempt: int, snoozes: int, r: int
) -> None:
    for error in (ValueError(), RetryLater(timedelta.max), RetryLater(timedelta.min)):
        ended = decided(Usual(), error, attempt=attempt, snoozes=snoozes, r=r)

        if isinstance(ended, Retrying):
            assert NOW <= ended.due <= NOW + LONGEST_WAIT
        else:
            assert isinstance(ended, Dead)


def test_policies_are_shown_in_words() -> None:
    shown = {kind_of(job).name: str(kind_of(job).policy) for job in (Usual, Urgent, Once, Own, Fleeting)}

    assert shown == {
        "policy.usual": "25 retries, Sidekiq's waits",
        "policy.urgent": "25 retries, waits of 30s, 1m, 2m, 5m, 10m, 15m, 30m, 1h",
        "policy.once": "no retries",
        "policy.own": "2 retries, waits of 1s, 1m",
        "policy.fleeting": "no retries, then discarded",
    }
    assert kind_of(Urgent).policy is CRITICAL


@pytest.mark.parametrize(
    ("before", "deaths", "dies"), [(0, 0, False), (1, 0, False), (2, 0, True), (0, 2, True), (1, 1, True)]
)
def test_the_third_process_that_dies_of_a_job_is_the_last(before: int, deaths: int, dies: bool) -> None:
    received = a_message()
    for _ in range(before):
        last = failure(Crashed("ended with exit code -11"), received, NOW)
        received = a_message(headers={FAILURE: msgspec.json.encode(last)})

    ended = decide(an_envelope(Usual()), Crashed("ended with exit code -11", deaths), received, NOW, 0)

    assert isinstance(ended, Dead if dies else Retrying)
    assert ended.failure is not None
    assert ended.failure.crashes == before + deaths + 1
    assert not dies or ended.failure.why == "crashed: 3 processes died of it"


def test_a_failure_that_claims_a_negative_number_of_crashes_allows_no_further_ones() -> None:
    last = replace(failure(Crashed("ended with exit code -11"), a_message(), NOW), crashes=-1_000)
    received = a_message(headers={FAILURE: msgspec.json.encode(last)})

    assert isinstance(decide(an_envelope(Usual()), Crashed("again", 2), received, NOW, 0), Dead)


def test_an_ordinary_failure_keeps_the_count_of_crashes() -> None:
    last = failure(Crashed("ended with exit code -11"), a_message(), NOW)
    received = a_message(headers={FAILURE: msgspec.json.encode(last)})

    assert failure(ValueError(), received, NOW).crashes == 1
