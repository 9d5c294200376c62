"""Jobs that end in every way there is; tests copy this file into a folder of their own.

Each attempt leaves a record, one line: the job's number, its key, the process, when (epoch seconds), which attempt.
"""

import os
import time
from datetime import timedelta

from treadle import (
    NO_RETRIES,
    Context,
    Discard,
    GiveUp,
    Job,
    Policy,
    Queue,
    RetryLater,
    Steps,
    UsedUp,
    worker,
)

WAITS = Steps((timedelta(milliseconds=300), timedelta(milliseconds=1_600)))
TWO = Policy(retries=2, backoff=WAITS)
LEAVE = Policy(retries=1, backoff=WAITS, used_up=UsedUp.DISCARD)


def begin(job: Job, ctx: Context) -> None:
    """Leave the record, and fail as often as the job says."""
    record = f"{job.number} job-{job.number} {os.getpid()} {time.time()} {ctx.attempt}\n"
    os.write(1, record.encode())  # at once and whole, also from a child of the process
    if ctx.attempt <= job.times:
        raise LookupError("not there")


class Succeed(Job, kind="ends.succeed", queue=Queue.LOW, key="job-{number}", policy=TWO):
    """Succeeds after so many failures, or dies of them."""

    number: int
    times: int = 0


@worker(Succeed)
def succeed(job: Succeed, ctx: Context) -> None:
    begin(job, ctx)


class Refuse(Job, kind="ends.refuse", queue=Queue.LOW, key="job-{number}", policy=TWO):
    """Gives up after so many failures."""

    number: int
    times: int = 0


@worker(Refuse)
def refuse(job: Refuse, ctx: Context) -> None:
    begin(job, ctx)
    raise GiveUp("it can never be")


class Drop(Job, kind="ends.drop", queue=Queue.LOW, key="job-{number}", policy=TWO):
    """Is discarded by its worker after so many failures."""

    number: int
    times: int = 0


@worker(Drop)
def drop(job: Drop, ctx: Context) -> None:
    begin(job, ctx)
    raise Discard("not needed")


class Lapse(Job, kind="ends.lapse", queue=Queue.LOW, key="job-{number}", policy=LEAVE):
    """Is discarded by its policy when its one retry is used up."""

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


class PutOff(Job, kind="ends.put_off", queue=Queue.LOW, key="job-{number}", policy=NO_RETRIES):
    """Is put off until a moment (epoch seconds) is past, and succeeds at its first attempt."""

    number: int
    until: float
    times: int = 0


@worker(PutOff)
def put_off(job: PutOff, ctx: Context) -> None:
    begin(job, ctx)
    if ctx.now.timestamp() < job.until:
        raise RetryLater(timedelta(milliseconds=500))
