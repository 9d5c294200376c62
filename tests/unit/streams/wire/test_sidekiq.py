"""Jobs in Sidekiq's formats."""

from typing import Any

import pytest

from streams.job import Job
from streams.jobs.agents import React
from streams.wire.sidekiq import as_ruby
from tests.support.builders.messages import Count, Greet


@pytest.mark.parametrize(
    ("job", "ruby"),
    [
        (Greet("Ada"), {"class": "GreetWorker", "args": ["Ada", 1]}),
        (Greet("Ada", 2, True), {"class": "GreetWorker", "args": ["Ada", 2, True]}),
        (
            React("hear", "loomio.events", {}),
            {"class": "agents.react", "args": ["hear", "loomio.events", {}]},
        ),
        (Count(7), {"class": "GenericWorker", "args": ["CountService", "count_all", 7]}),
    ],
)
def test_a_job_can_be_written_as_in_sidekiq(job: Job, ruby: dict[str, Any]) -> None:
    assert as_ruby(job) == ruby
