"""`treadle perform`: one attempt in the foreground, without a database."""

import asyncio
import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest

from consumers.context import Context
from consumers.worker import Workers
from streams.errors import Discard, GiveUp, RetryLater
from tests.support.builders.messages import KINDS, NOW, Greet
from treadle.perform.perform import perform


@pytest.fixture(autouse=True)
def as_in_a_command() -> Iterator[None]:
    """The handler of a fresh interpreter, whatever earlier tests have left."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_an_async_job_and_is_not_its_failure() -> None:
    workers = Workers()

    @workers.worker(Greet)
    async def wait(job: Greet, ctx: Context) -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        perform(Greet("Ada"), kinds=KINDS, workers=workers, engine=None)


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (None, "succeeded", ""),
        (Discard("already closed"), "discarded", "already closed"),
        (RetryLater(timedelta(minutes=5)), "snoozed", "until 2025-12-08 18:12:00 UTC"),
        (GiveUp("no poll"), "failed", "GiveUp: no poll"),
        (LookupError("no poll"), "failed", "LookupError: no poll"),
    ],
)
def test_each_outcome_is_shown_with_its_reason(error: Exception | None, outcome: str, reason: str) -> None:
    workers = Workers()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        if error is not None:
            raise error

    performed = perform(Greet("Ada"), kinds=KINDS, workers=workers, engine=None, now=NOW)

    assert (performed.outcome, performed.reason) == (outcome, reason)
