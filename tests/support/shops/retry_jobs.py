"""Jobs of a shop that fail in various ways; tests copy this file into their own folder."""

from datetime import timedelta

from treadle import NO_RETRIES, Context, Exhausted, GiveUp, Job, Policy, Queue, RetryLater, Steps, worker

SOON = Policy(retries=2, backoff=Steps((timedelta(milliseconds=400), timedelta(milliseconds=1_400))))


class Fail(Job, kind="retry.fail", queue=Queue.LOW, key="{word}", policy=SOON):
    """Fails this many times, and then succeeds."""

    word: str
    times: int


@worker(Fail)
def fail(job: Fail, ctx: Context) -> None:
    print(job.word, ctx.attempt)
    if ctx.attempt <= job.times:
        raise LookupError(f"{job.word} is not there")


class FailOnce(Job, kind="retry.fail_once", queue=Queue.LOW, policy=NO_RETRIES):
    pass


@worker(FailOnce)
def fail_once(job: FailOnce, ctx: Context) -> None:
    raise LookupError("gone")


class Fleeting(
    Job,
    kind="retry.fleeting",
    queue=Queue.LOW,
    policy=Policy(retries=1, backoff=Steps((timedelta(milliseconds=100),)), exhausted=Exhausted.DISCARD),
):
    pass


@worker(Fleeting)
def fleeting(job: Fleeting, ctx: Context) -> None:
    print("fleeting", ctx.attempt)
    raise LookupError("gone")


class Never(Job, kind="retry.never", queue=Queue.LOW):
    pass


@worker(Never)
def never(job: Never, ctx: Context) -> None:
    raise GiveUp("it can never be")


class Snooze(Job, kind="retry.snooze", queue=Queue.LOW, policy=NO_RETRIES):
    """Is snoozed until its snoozes are exhausted."""


@worker(Snooze)
def snooze(job: Snooze, ctx: Context) -> None:
    print("snoozed", ctx.attempt)
    raise RetryLater(timedelta(0))


class Say(Job, kind="retry.say", queue=Queue.HIGH):
    word: str


@worker(Say)
def say(job: Say, ctx: Context) -> None:
    print(job.word)


class Plan(Job, kind="retry.plan", queue=Queue.LOW):
    pass


@worker(Plan)
def plan(job: Plan, ctx: Context) -> None:
    ctx.enqueue(Say("later"), delay=timedelta(seconds=1.5))
    ctx.enqueue(Say("at once"))
