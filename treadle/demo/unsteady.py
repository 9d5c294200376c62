"""Two kinds of work for the tour alone: one fails twice before it succeeds, one is for later."""

from datetime import timedelta

from consumers.context import Context
from consumers.worker import worker
from streams.job import Job
from streams.policy import Policy, Steps

WAITS = (timedelta(seconds=1), timedelta(seconds=2))


class TryAgain(Job, kind="demo.try_again", policy=Policy(retries=2, backoff=Steps(WAITS))):
    """Fails at its first and second attempt."""


@worker(TryAgain)
def try_again(job: TryAgain, ctx: Context) -> None:
    """Succeed at the third attempt."""
    if ctx.attempt <= len(WAITS):
        raise ConnectionError("the other side does not answer")


class Remind(Job, kind="demo.remind"):
    """Something for later."""


@worker(Remind)
def remind(job: Remind, ctx: Context) -> None:
    """Do nothing, on time."""
