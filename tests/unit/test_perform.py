"""`treadle perform`: one attempt in the foreground, without a database."""

import asyncio
import signal

import pytest

from consumers.context import Context
from consumers.worker import Workers
from tests.builders.messages import KINDS, Greet
from treadle.perform import perform


def test_ctrl_c_ends_an_async_job_and_is_no_failure_of_it() -> None:
    workers = Workers()

    @workers.worker(Greet)
    async def wait(job: Greet, ctx: Context) -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        perform(Greet("Ada"), kinds=KINDS, workers=workers, engine=None)
