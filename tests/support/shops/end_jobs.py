"""Jobs that end in every possible way; tests copy this file into their own folder.

Each attempt prints a record of one line: number and key of the job, process, time (epoch seconds), attempt.
"""

import os
import time
from datetime import timedelta

from treadle import (
    NO_RETRIES,
    Context,
    Discard,
    Exhausted,
    GiveUp,
    Job,
    Policy,
    Queue,
    RetryLater,
    Steps,
    worker,
)

WAITS = Steps((timedelta(milliseconds=300), timedelta(milliseconds=1_600)))
TWO = Policy(retries=2, backoff=WAITS)
DISCARDING = Policy(retries=1, backoff=WAITS, exhausted=Exhausted.DISCARD)


def begin(job: Job, ctx: Context) -> None:
    """Print the record, and fail as often as the job says."""
    record = f"{job.number} job-{job.number} {os.getpid()} {time.time()} {ctx.attempt}\n"
    os.write(1, record.encode())  # in one piece, unbuffered, even from a child of the process
    if ctx.attempt <= job.times:
        raise LookupError("not there")


class Succeed(Job, kind="ends.succeed", queue=Queue.LOW, key="job-{number}", policy=TWO):
    """Succeeds after this many failures, or dies of them."""

    number: int
    times: int = 0


@worker(Succeed)
def succeed(job: Succeed, ctx: Context) -> None:
    begin(job, ctx)


class Refuse(Job, kind="ends.refuse", queue=Queue.LOW, key="job-{number}", policy=TWO):
    """Gives up after this many failures."""

    number: int
    times: int = 0


@worker(Refuse)
def refuse(job: Refuse, ctx: Context) -> None:
    begin(job, ctx)
    raise GiveUp("it can never be")


class Drop(Job, kind="ends.drop", queue=Queue.LOW, key="job-{number}", policy=TWO):
    """Is discarded by its worker after this many failures."""

    number: int
    times: int = 0


@worker(Drop)
def drop(job: Drop, ctx: Context) -> None:
    begin(job, ctx)
    raise Discard("not needed")


class Lapse(Job, kind="ends.lapse", queue=Queue.LOW, key="job-{number}", policy=DISCARDING):
    """Is discarded by its policy when its one retry is exhausted."""

    number: int
    times: int = 2


@worker(Lapse)
def lapse(job: Lapse, ctx: Context) -> None:
    begin(job, ctx)


class Once(Job, kind="ends.once", queue=Queue.LOW, key="job-{number}", policy=NO_RETRIES):
    """Dies at its first failure."""

    number: int
    times: int = 1


@worker(Once)
def once(job: Once, ctx: Context) -> None:
    begin(job, ctx)


class Snooze(Job, kind="ends.snooze", queue=Queue.LOW, key="job-{number}", policy=NO_RETRIES):
    """Is snoozed until a moment (epoch seconds) has passed, and succeeds at its first attempt."""

    number: int
    until: float
    times: int = 0


@worker(Snooze)
def snooze(job: Snooze, ctx: Context) -> None:
    begin(job, ctx)
    if ctx.now.timestamp() < job.until:
        raise RetryLater(timedelta(milliseconds=500))
