"""What happens to jobs is reported in batches, and goes on being reported whatever is in one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.attempt.begun import Attempt, Begun
from consumers.attempt.outcome import (
    NOTHING_FOLLOWS,
    Cancelled,
    Dead,
    Discarded,
    Outcome,
    Retrying,
    Succeeded,
)
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.settling.reporter import Reporter
from consumers.worker import Workers
from streams.message import Message
from streams.moments import epoch_ms
from streams.topics import LIFECYCLE
from streams.wire.failure import failure
from streams.wire.lifecycle import Finished, InFlight, decode_batch
from tests.support.builders.messages import KINDS, NOW, Greet, a_message
from tests.support.fakes.memory_log import MemoryLog
from tests.support.waiting import wait_until

FAILURE = failure(LookupError("no poll"), a_message(), NOW)
NOT_DUE = {"treadle_due": b"%d" % (epoch_ms(NOW) + 60_000)}


def an_attempt(job: str = "id-1", *, now: datetime = NOW, headers: dict[str, bytes] | None = None) -> Attempt:
    workers = Workers()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        raise AssertionError("no job is performed here")

    performer = Performer(KINDS, workers, Services(NoDatabase()), clock=lambda: now)
    return performer.begin(a_message(headers={"ce_id": job.encode(), **(headers or {})}))


class Reporting:
    """A reporter that sends every few milliseconds what is in flight and what is recorded."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.broken = False
        self.attempts: list[Begun] = []
        self.reporter = Reporter(self.log, self.in_flight, every=timedelta(milliseconds=2))
        self.reporter.start()

    def in_flight(self) -> list[Begun]:
        if self.broken:
            raise RuntimeError("a fault in Treadle")
        return self.attempts

    def record(self, job: str, reason: Any = "") -> None:
        self.reporter.record(an_attempt(job), Discarded(reason), 0.1)

    @property
    def finished(self) -> list[Finished]:
        return [each for sent in self.log.of(LIFECYCLE) for each in decode_batch(sent.value).finished]

    @property
    def reported(self) -> list[str]:
        return [each.job for each in self.finished]

    @property
    def in_flight_reported(self) -> list[InFlight]:
        return [each for sent in self.log.of(LIFECYCLE) for each in decode_batch(sent.value).in_flight]


@pytest.fixture
def reporting() -> Iterator[Reporting]:
    reporting = Reporting()
    yield reporting
    reporting.reporter.close()


@pytest.mark.parametrize("reason", [LookupError("no text"), "\udcff"])
def test_a_reason_that_cannot_be_written_is_not_reported_and_the_next_is(
    reporting: Reporting, reason: Any
) -> None:
    reporting.record("bad", reason)
    wait_until(lambda: not reporting.reporter._finished)
    reporting.record("good")

    wait_until(lambda: reporting.reported == ["good"])


def test_a_fault_while_it_reports_ends_when_the_fault_does(reporting: Reporting) -> None:
    reporting.broken = True
    reporting.record("bad")
    wait_until(lambda: not reporting.reporter._finished)
    reporting.broken = False
    reporting.record("good")

    wait_until(lambda: reporting.reported[-1:] == ["good"])


def test_what_is_left_is_reported_at_the_end() -> None:
    reporting = Reporting()
    reporting.record("last")

    reporting.reporter.close()

    assert reporting.reported == ["last"]


def test_a_job_is_reported_in_flight_once_it_has_been_so_for_a_while(reporting: Reporting) -> None:
    just_begun = an_attempt("just begun", now=datetime.now(UTC) + timedelta(hours=1))
    long_in_flight = an_attempt("long in flight")
    assert isinstance(just_begun, Begun)
    assert isinstance(long_in_flight, Begun)

    reporting.attempts = [just_begun, long_in_flight]

    wait_until(lambda: reporting.in_flight_reported)
    assert reporting.in_flight_reported[0] == InFlight(
        "long in flight", "test.greet", "low", 1, NOW.timestamp()
    )
    assert {each.job for each in reporting.in_flight_reported} == {"long in flight"}


@pytest.mark.parametrize(
    ("attempt", "outcome", "name", "reason"),
    [
        (an_attempt(), NOTHING_FOLLOWS, "succeeded", ""),
        (an_attempt(), Succeeded((Message("jobs.low", None, b"{}", []),)), "succeeded", ""),
        (an_attempt(), Discarded("already closed"), "discarded", "already closed"),
        (an_attempt(), Retrying(NOW, 1, snoozes=1), "snoozed", ""),
        (an_attempt(headers=NOT_DUE), Retrying(NOW, 1), "scheduled", ""),
        (an_attempt(), Retrying(NOW, 2, failure=FAILURE), "retrying", "LookupError: no poll"),
        (an_attempt(), Cancelled("ada", "a mistake"), "cancelled", "by ada: a mistake"),
        (an_attempt(), Cancelled("ada", ""), "cancelled", "by ada"),
        (an_attempt(), Dead(FAILURE), "dead", "LookupError: no poll"),
    ],
)
def test_each_outcome_has_its_name(attempt: Attempt, outcome: Outcome, name: str, reason: str) -> None:
    reporting = Reporting()
    reporting.reporter.record(attempt, outcome, 0.25)

    reporting.reporter.close()

    assert reporting.finished == [
        Finished("id-1", "test.greet", "low", 1, name, NOW.timestamp(), 0.25, reason)
    ]


def test_of_a_message_that_cannot_be_read_the_kind_is_not_reported() -> None:
    reporting = Reporting()
    reporting.reporter.record(an_attempt(headers={"ce_type": b"no.such.kind"}), Dead(FAILURE), 0.25)

    reporting.reporter.close()

    (finished,) = reporting.finished
    assert (finished.job, finished.kind, finished.queue, finished.attempt) == ("id-1", "", "low", 0)
