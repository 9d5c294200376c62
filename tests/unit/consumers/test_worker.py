"""What is refused when a worker is declared."""

from datetime import timedelta
from typing import Any

import pytest

from consumers.context import Context
from consumers.worker import Perform, Workers
from streams.errors import ConfigError, Discard
from tests.support.builders.messages import Greet


def raising(error: BaseException) -> Perform[Greet]:
    def perform(job: Greet, ctx: Context) -> None:
        raise error

    return perform


def test_two_workers_cannot_claim_one_kind() -> None:
    workers = Workers()
    workers.worker(Greet)(raising(Discard("one")))

    with pytest.raises(ConfigError, match=r"two workers for test.greet: .*perform, .*perform"):
        workers.worker(Greet)(raising(Discard("other")))


@pytest.mark.parametrize("timeout", [300, timedelta(), timedelta(-1), timedelta.max])
def test_a_value_that_cannot_be_a_time_limit_is_refused(timeout: Any) -> None:
    with pytest.raises(ConfigError, match=r"the worker of test\.greet takes a timeout such as"):
        Workers().worker(Greet, timeout=timeout)(lambda job, ctx: None)
