"""`treadle perform`: one attempt in the foreground, without a database."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from consumers.context import Context
from consumers.worker import Workers
from tests.support.builders.messages import KINDS, Greet
from treadle.perform import perform


@pytest.fixture(autouse=True)
def as_in_a_command() -> Iterator[None]:
    """The handler of a fresh interpreter, whatever the tests before have left."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_an_async_job_and_is_no_failure_of_it() -> None:
    workers = Workers()

    @workers.worker(Greet)
    async def wait(job: Greet, ctx: Context) -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        perform(Greet("Ada"), kinds=KINDS, workers=workers, engine=None)
