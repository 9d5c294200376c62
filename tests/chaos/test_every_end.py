"""Consumers, retries processes and the broker are killed with -9 in a loop, while jobs fail, wait and are put off.

Each job ends exactly as its policy says, none is lost, and of those that died each goes home once.
"""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest
from confluent_kafka import KafkaException

from streams.job import Queue
from streams.message import Received
from tests.chaos.conftest import with_shop
from tests.support.brokers import kill
from tests.support.chaos import LONG
from tests.support.chaos.account import Account
from tests.support.chaos.commit_log import LATENCY
from tests.support.chaos.crew import Crew, Trouble
from tests.support.chaos.ends import MOST_ATTEMPTS, Ends, Planned, enqueue, header, plan
from tests.support.chaos.uncommitted import lost
from tests.support.desk import Desk
from tests.support.line import Line
from tests.support.waiting import wait_until
from treadle.local.stack import Stack

ROUNDS = {"cooperative": 24, "eager": 24} if LONG else {"cooperative": 4}
# Rounds in which it is the broker that is killed.
OUTAGES = range(3, 24, 6)
JOBS_A_ROUND = 120
TOLD = 0.25  # seconds between two messages of a consumer's to `jobs.lifecycle`


@pytest.mark.parametrize("membership", ROUNDS)
def test_whatever_is_killed_every_job_ends_as_its_policy_says(
    broker: Stack, line_of_its_own: Line, fresh_database: str, chance: random.Random, membership: str
) -> None:
    line = line_of_its_own
    account = Account(with_shop(line, "end_jobs"))
    desk = Desk(line, fresh_database)
    crew = Crew(line, membership)
    jobs: list[Planned] = []
    troubles: list[Trouble] = []
    for number in range(ROUNDS[membership]):
        before = len(account.performed)
        more = [plan(len(jobs) + n, chance) for n in range(JOBS_A_ROUND)]
        enqueue(line, more)
        jobs += more
        wait_until(crew.all_have_begun, told="all have begun")
        at_work = lambda: crew.all_have_begun() and len(account.performed) > before  # noqa: B023, E731
        wait_until(at_work, within=60, told="they work")
        harm_at = time.time() + chance.uniform(0, 1)
        wait_until(lambda: crew.all_have_begun() and time.time() > harm_at, told="some time passes")  # noqa: B023
        if number in OUTAGES:
            killed_at = time.time()
            kill(broker)
            broker.up()
            troubles.append(Trouble("broker", killed_at, time.time()))
        else:
            what, numbers = chance.choice(["consumer", "retries"]), chance.choice([[0], [1], [0, 1]])
            troubles += crew.kill(what, *numbers)
    over = lambda: crew.all_have_begun() and is_over(line)  # noqa: E731
    wait_until(over, within=90, told="nothing is under way or waits")
    wait_until(crew.all_have_begun, told="all have begun")
    ended, troubles = crew.end(), troubles + crew.troubles

    ends = Ends(line)
    may_repeat = lost(line, account, troubles)
    again, twins = repeats(account, jobs), ends.twins
    print(told(jobs, ends, troubles, again, len(may_repeat)))

    assert ended == [0, 0, 0, 0]
    # A named member may be shut out when the broker comes back: it ends then, and says so.
    assert {code for _, code in crew.ended_alone} <= ({1} if membership == "eager" else set())
    assert (line.waiting, line.unfinished(Queue.LOW)) == (0, 0)
    assert ends.others(jobs) == {}
    assert set(ends.letters) == {job.id for job in jobs if job.end.outcome == "dead"}
    assert [job for job in jobs if not ends.times(job) and not died_untold(job, account, troubles)] == []
    assert attempts(account) == {job.number: set(range(1, job.end.attempt + 1)) for job in jobs}
    assert [message for message in line.sent("jobs.low") if came_early(message)] == []

    # Each repeats one step at most, and from there on the job goes on once more beside itself.
    ids = {job.number: job.id for job in jobs}
    assert {ids[number] for number, _ in again} | set(twins) <= set(may_repeat)
    assert sum(twins.values()) <= len(may_repeat)
    assert again.total() <= len(may_repeat) * MOST_ATTEMPTS

    desk.run("retry", "--all", "--yes")
    home = Counter(header(m, "ce_id") for m in line.sent("jobs.low") if header(m, "treadle_redrive"))
    assert home == Counter(dict.fromkeys(ends.letters, 1))
    assert desk.table("--limit", "1") == []


def is_over(line: Line) -> bool:
    """Whether no job lies in the queue or in a tier. A job is longer in a tier than we are at this."""
    try:
        return line.waiting == 0 and line.unfinished(Queue.LOW) == 0 and line.waiting == 0
    except KafkaException:  # a broker that has only just come back
        return False


def repeats(account: Account, jobs: list[Planned]) -> Counter[tuple[int, int]]:
    """Attempts (number, attempt) that were made more than once: how often more. What is put off, is not counted."""
    put_off = {job.number for job in jobs if job.kind == "ends.put_off"}
    made = Counter((r.number, r.attempt) for r in account.performed if r.number not in put_off)
    return Counter({attempt: times - 1 for attempt, times in made.items() if times > 1})


def attempts(account: Account) -> dict[int, set[int]]:
    """Which attempts of each job there were."""
    made: dict[int, set[int]] = {}
    for record in account.performed:
        made.setdefault(record.number, set()).add(record.attempt)
    return made


def died_untold(job: Planned, account: Account, troubles: list[Trouble]) -> bool:
    """Whether its last attempt was made so shortly before a consumer was killed that nothing could be told of it."""
    last = [r.at for r in account.performed if (r.number, r.attempt) == (job.number, job.end.attempt)]
    killed = [each.at for each in troubles if each.what == "consumer"]
    return any(at - TOLD - LATENCY <= made <= at for made in last for at in killed)


def came_early(message: Received) -> bool:
    return message.timestamp < int(header(message, "treadle_due") or 0)


def told(
    jobs: list[Planned], ends: Ends, troubles: list[Trouble], again: Counter[tuple[int, int]], allowed: int
) -> str:
    """The account, as one line for whoever reads the test's output."""
    ended = Counter(job.end.outcome for job in jobs if ends.times(job))
    facts = {
        "enqueued": len(jobs),
        **{outcome: ended[outcome] for outcome in ("succeeded", "discarded", "dead")},
        "ended untold": sum(not ends.times(job) for job in jobs),
        "attempts more than needed": again.total(),
        "twins": f"{sum(ends.twins.values())} of {len(ends.twins)} dead jobs, allowed {allowed}",
        **{
            f"{what} killed": sum(each.what == what for each in troubles)
            for what in ("consumer", "retries", "broker")
        },
    }
    return "account: " + "; ".join(f"{name} {fact}" for name, fact in facts.items())
