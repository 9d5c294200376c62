"""Consumers, retries processes and the broker are killed with -9 in a loop, while jobs fail, wait and are snoozed.

Each job ends exactly as its policy says, none is lost, and each dead one can be redriven once.
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
from tests.support.chaos.crew import Crew, Outage
from tests.support.chaos.ends import MOST_ATTEMPTS, Ends, Planned, enqueue, header, plan
from tests.support.chaos.uncommitted import uncommitted_jobs
from tests.support.dead_letters import DeadLetters
from tests.support.line import Line
from tests.support.waiting import wait_until
from treadle.dev.local.stack import Stack

ROUNDS = {"cooperative": 24, "eager": 24} if LONG else {"cooperative": 4}
# Rounds in which the broker is killed, not a process.
BROKER_ROUNDS = range(3, 24, 6)
JOBS_A_ROUND = 120
REPORT_INTERVAL = 0.25  # seconds between a consumer's messages to `jobs.lifecycle`


@pytest.mark.parametrize("membership", ROUNDS)
def test_whatever_is_killed_every_job_ends_as_its_policy_says(
    broker: Stack, line_of_its_own: Line, fresh_database: str, chance: random.Random, membership: str
) -> None:
    line = line_of_its_own
    account = Account(with_shop(line, "end_jobs"))
    dead_letters = DeadLetters(line, fresh_database)
    crew = Crew(line, membership)
    jobs: list[Planned] = []
    outages: list[Outage] = []
    for number in range(ROUNDS[membership]):
        before = len(account.performed)
        more = [plan(len(jobs) + n, chance) for n in range(JOBS_A_ROUND)]
        enqueue(line, more)
        jobs += more
        wait_until(crew.all_have_started, what="all processes have started")
        busy = lambda: crew.all_have_started() and len(account.performed) > before  # noqa: B023, E731
        wait_until(busy, within=60, what="a job of this round has been performed")
        kill_at = time.time() + chance.uniform(0, 1)
        wait_until(lambda: crew.all_have_started() and time.time() > kill_at, what="it is time to kill")  # noqa: B023
        if number in BROKER_ROUNDS:
            killed_at = time.time()
            kill(broker)
            broker.up()
            outages.append(Outage("broker", killed_at, time.time()))
        else:
            what, numbers = chance.choice(["consumer", "retries"]), chance.choice([[0], [1], [0, 1]])
            outages += crew.kill(what, *numbers)
    finished = lambda: crew.all_have_started() and nothing_is_left(line)  # noqa: E731
    wait_until(finished, within=90, what="no job is in flight or waiting")
    wait_until(crew.all_have_started, what="all processes have started")
    exit_codes, outages = crew.end(), outages + crew.outages

    ends = Ends(line)
    may_repeat = uncommitted_jobs(line, account, outages)
    again, duplicates = repeats(account, jobs), ends.duplicates
    print(summary(jobs, ends, outages, again, len(may_repeat)))

    assert exit_codes == [0, 0, 0, 0]
    # A named member may be fenced when the broker is back: it then exits with an error.
    assert {code for _, code in crew.unexpected_exits} <= ({1} if membership == "eager" else set())
    assert (line.waiting, line.unfinished(Queue.LOW)) == (0, 0)
    assert ends.unexpected(jobs) == {}
    assert set(ends.dead_letters) == {job.id for job in jobs if job.end.outcome == "dead"}
    assert [job for job in jobs if not ends.times(job) and not lost_its_report(job, account, outages)] == []
    assert attempts(account) == {job.number: set(range(1, job.end.attempt + 1)) for job in jobs}
    assert [message for message in line.sent("jobs.low") if is_early(message)] == []

    # Each uncommitted message repeats one step at most, and from there on its job exists twice.
    ids = {job.number: job.id for job in jobs}
    assert {ids[number] for number, _ in again} | set(duplicates) <= set(may_repeat)
    assert sum(duplicates.values()) <= len(may_repeat)
    assert again.total() <= len(may_repeat) * MOST_ATTEMPTS

    dead_letters.run("retry", "--all", "--yes")
    redriven = Counter(header(m, "ce_id") for m in line.sent("jobs.low") if header(m, "treadle_redrives"))
    assert redriven == Counter(dict.fromkeys(ends.dead_letters, 1))
    assert dead_letters.listed("--limit", "1") == []


def nothing_is_left(line: Line) -> bool:
    """Whether no job is in the queue or in a tier. Every stay in a tier takes longer than these questions."""
    try:
        return line.waiting == 0 and line.unfinished(Queue.LOW) == 0 and line.waiting == 0
    except KafkaException:  # the broker has only just restarted
        return False


def repeats(account: Account, jobs: list[Planned]) -> Counter[tuple[int, int]]:
    """How often each attempt (number, attempt) was repeated. Snoozed jobs, which repeat theirs, do not count."""
    snoozed = {job.number for job in jobs if job.kind == "ends.snooze"}
    made = Counter((r.number, r.attempt) for r in account.performed if r.number not in snoozed)
    return Counter({attempt: times - 1 for attempt, times in made.items() if times > 1})


def attempts(account: Account) -> dict[int, set[int]]:
    """The attempts made at each job."""
    made: dict[int, set[int]] = {}
    for record in account.performed:
        made.setdefault(record.number, set()).add(record.attempt)
    return made


def lost_its_report(job: Planned, account: Account, outages: list[Outage]) -> bool:
    """Whether its last attempt was too shortly before the kill of a consumer to be reported."""
    last = [r.at for r in account.performed if (r.number, r.attempt) == (job.number, job.end.attempt)]
    killed = [each.at for each in outages if each.what == "consumer"]
    return any(at - REPORT_INTERVAL - LATENCY <= made <= at for made in last for at in killed)


def is_early(message: Received) -> bool:
    return message.timestamp < int(header(message, "treadle_due") or 0)


def summary(
    jobs: list[Planned], ends: Ends, outages: list[Outage], again: Counter[tuple[int, int]], allowed: int
) -> str:
    """The account, as one line of the test's output."""
    ended = Counter(job.end.outcome for job in jobs if ends.times(job))
    facts = {
        "enqueued": len(jobs),
        **{outcome: ended[outcome] for outcome in ("succeeded", "discarded", "dead")},
        "ended unreported": sum(not ends.times(job) for job in jobs),
        "repeated attempts": again.total(),
        "duplicates": f"{sum(ends.duplicates.values())} of {len(ends.duplicates)} dead jobs, allowed {allowed}",
        **{
            f"{what} killed": sum(each.what == what for each in outages)
            for what in ("consumer", "retries", "broker")
        },
    }
    return "account: " + "; ".join(f"{name} {fact}" for name, fact in facts.items())
