"""A broken policy fails the job that meets it and stops no process: each in turn would stop on that job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from consumers.attempt.outcome import Dead, Outcome, Retrying
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.worker import Workers
from streams.errors import ConfigError, RetryLater
from streams.job import Job, Kinds, kind_of
from streams.policy import Policy, Steps
from tests.support.builders.messages import NOW, a_message


class Raises:
    def wait(self, count: int, r: int) -> timedelta:
        raise LookupError("no \udcff such wait")


class Counts:
    def wait(self, count: int, r: int) -> Any:
        return 60


class Greedy:
    def wait(self, count: int, r: int) -> timedelta:
        return timedelta.max


class Raising(Job, kind="odd.raising", policy=Policy(backoff=Raises())):
    pass


class Counting(Job, kind="odd.counting", policy=Policy(backoff=Counts())):
    pass


class OfText(Job, kind="odd.of_text", policy=Policy(retries="3")):  # as a shop may
    pass


class OfOne(Job, kind="odd.of_one", policy=Policy(not_retried=OSError)):  # as a shop may
    pass


class Greedily(Job, kind="odd.greedily", policy=Policy(backoff=Greedy())):
    pass


class Usual(Job, kind="odd.usual"):
    pass


def outcome(job_class: type[Job], error: BaseException) -> Outcome:
    """What an attempt at such a job ends in whose worker raises this."""
    workers = Workers()

    @workers.worker(job_class)
    def fail(job: Job, ctx: Context) -> None:
        raise error

    kind = kind_of(job_class)
    performer = Performer(Kinds([kind]), workers, Services(NoDatabase()), clock=lambda: NOW)
    return performer.attempt(a_message(b"{}", headers={"ce_type": kind.name.encode()}))


@pytest.mark.parametrize(
    ("job_class", "why"),
    [
        (Raising, "its policy failed: LookupError: no \\udcff such wait"),
        (Counting, "its policy failed: TypeError: "),
        (OfText, "its policy failed: TypeError: "),
        (OfOne, "its policy failed: TypeError: "),
    ],
)
def test_a_job_whose_policy_fails_is_a_dead_letter_that_names_both_errors(
    job_class: type[Job], why: str
) -> None:
    with capture_logs() as logs:
        ended = outcome(job_class, ValueError("ada@example.org"))

    assert isinstance(ended, Dead)
    assert (ended.failure.error, ended.failure.message) == ("ValueError", "ada@example.org")
    assert ended.failure.why.startswith(why)
    assert [entry["event"] for entry in logs] == ["attempt_failed", "policy_failed"]
    assert "ada@example.org" not in str(logs)


def test_a_backoff_without_bounds_is_cut_to_ten_years() -> None:
    ended = outcome(Greedily, ValueError())

    assert isinstance(ended, Retrying)
    assert ended.due == NOW + timedelta(days=3_653)


def test_a_worker_that_snoozes_its_job_by_a_number_has_failed() -> None:
    with pytest.raises(TypeError, match=r"RetryLater takes a timedelta, .*, not int") as caught:
        RetryLater(60)  # type: ignore[arg-type]

    assert isinstance(outcome(Usual, caught.value), Retrying)


@pytest.mark.parametrize("waits", [(), [], (60,), (timedelta(1), None)])
def test_steps_are_waits_and_one_at_least(waits: Any) -> None:
    with pytest.raises(ConfigError, match="Steps takes one wait or more"):
        Steps(waits)
