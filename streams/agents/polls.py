"""What follows from events and ticks about polls."""

from collections.abc import Iterator

from streams.agent import on_tick
from streams.job import Job
from streams.jobs.polls import FindExpiredPolls
from streams.tick import Tick


@on_tick("polls.close_expired")
def close_expired_polls(tick: Tick) -> Iterator[Job]:
    """Every hour, find and close the polls whose closing time has passed."""
    yield FindExpiredPolls()
