"""The steps before a worker is called: each may end the attempt, and none of the later ones is taken then."""

from __future__ import annotations

from datetime import timedelta

from consumers.attempt.begun import Begun, NotBegun
from consumers.attempt.outcome import Cancelled, Dead, Retrying
from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.worker import Workers
from streams.moments import epoch_ms
from streams.overrides.message import Override, encode_override
from streams.overrides.table import Overrides
from tests.support.builders.messages import KINDS, NOW, Greet, a_message

CANCEL = Override("cancel", id="o-1", by="ada", at=NOW, why="sent by mistake")
TOO_SOON = {"treadle_due": b"%d" % (epoch_ms(NOW) + 60_000)}


def performing(*, worker: bool = True, override: Override | None = None) -> Performer:
    """A performer whose worker, if there is one, must not be called."""
    workers, overrides = Workers(), Overrides()
    if worker:
        workers.worker(Greet, timeout=timedelta(hours=1))(not_called)
    if override is not None:
        message = encode_override("id-1", override)
        overrides.take(message.key, message.value)
    return Performer(KINDS, workers, Services(NoDatabase()), overrides, clock=lambda: NOW)


def not_called(job: Greet, ctx: Context) -> None:
    raise AssertionError("a worker is called by `perform` alone")


def test_a_message_that_cannot_be_read_ends_without_an_envelope() -> None:
    attempt = performing().begin(a_message(b"hello"))

    assert isinstance(attempt, NotBegun)
    assert attempt.envelope is None
    assert isinstance(attempt.outcome, Dead)
    assert (attempt.outcome.failure.error, attempt.outcome.failure.why) == (
        "BadMessage",
        "its message cannot be read",
    )


def test_a_cancelled_job_ends_before_its_worker_is_found() -> None:
    attempt = performing(worker=False, override=CANCEL).begin(a_message())

    assert isinstance(attempt, NotBegun)
    assert attempt.envelope is not None
    assert attempt.outcome == Cancelled("ada", "sent by mistake")


def test_a_cancel_from_which_the_job_was_released_no_longer_ends_it() -> None:
    attempt = performing(override=CANCEL).begin(a_message(headers={"treadle_released": b"o-1"}))

    assert isinstance(attempt, Begun)


def test_a_job_without_a_worker_ends_before_it_waits() -> None:
    attempt = performing(worker=False).begin(a_message(headers=TOO_SOON))

    assert isinstance(attempt, NotBegun)
    assert attempt.envelope is not None
    assert isinstance(attempt.outcome, Dead)
    assert (attempt.outcome.failure.error, attempt.outcome.failure.why) == (
        "UnknownKind",
        "its message cannot be read",
    )


def test_a_job_that_is_not_due_is_sent_to_wait_as_the_same_attempt() -> None:
    attempt = performing().begin(a_message(headers={**TOO_SOON, "treadle_attempt": b"3"}))

    assert isinstance(attempt, NotBegun)
    assert attempt.outcome == Retrying(NOW + timedelta(minutes=1), 3)


def test_what_passes_every_step_can_run() -> None:
    received = a_message()

    attempt = performing().begin(received)

    assert isinstance(attempt, Begun)
    assert (attempt.received, attempt.envelope.job, attempt.worker.name) == (
        received,
        Greet("Ada"),
        "test.greet",
    )
    assert (attempt.ctx.now, attempt.ctx.deadline) == (NOW, NOW + timedelta(hours=1))
    assert attempt.began_at == NOW.timestamp()
