"""Kinds of work for the demo alone: one fails twice, one is scheduled, one dies of a misspelt time zone."""

from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import text

from consumers.context import Context
from consumers.worker import worker
from streams.job import Job
from streams.policy import Policy, Steps

WAITS = (timedelta(seconds=1), timedelta(seconds=2))


class NoSuchZone(LookupError):
    """A member's time zone does not exist. Retries do not help: a person has to correct it."""


class TryAgain(Job, kind="demo.try_again", policy=Policy(retries=2, backoff=Steps(WAITS))):
    """Fails at its first two attempts."""


@worker(TryAgain)
def try_again(job: TryAgain, ctx: Context) -> None:
    """Succeed at the third attempt."""
    if ctx.attempt <= len(WAITS):
        raise ConnectionError("the other side does not answer")


class Remind(Job, kind="demo.remind"):
    """Is scheduled."""


@worker(Remind)
def remind(job: Remind, ctx: Context) -> None:
    """Do nothing, on time."""


class ReadClock(Job, kind="demo.read_clock", policy=Policy(not_retried=(NoSuchZone,))):
    """Finds out what time it is for a member."""

    user_id: int


@worker(ReadClock)
def read_clock(job: ReadClock, ctx: Context) -> None:
    """Look up the member's time zone, and the time there. Raises NoSuchZone when it is misspelt."""
    with ctx.transaction() as db:
        zone = db.scalar(text("SELECT time_zone FROM users WHERE id = :id"), {"id": job.user_id})
        try:
            ctx.now.astimezone(ZoneInfo(zone))
        except ZoneInfoNotFoundError:
            raise NoSuchZone(f"there is no time zone {zone}") from None
