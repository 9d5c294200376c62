"""The broker is killed with -9 under load and restarted: consumers recover by themselves, and nothing is lost."""

from __future__ import annotations

import random
import time
from collections import Counter

from streams.job import Queue
from tests.chaos.conftest import with_shop
from tests.support.brokers import kill
from tests.support.chaos import LONG
from tests.support.chaos.account import Account, Record, enqueue
from tests.support.chaos.commit_log import LATENCY, CommitLog
from tests.support.line import Line
from tests.support.waiting import time_passes, wait_until
from treadle.dev.local.stack import Stack

KILLS = 5 if LONG else 1
JOBS_A_KILL = 10_000
SLOTS = 8


def test_consumers_recover_when_the_broker_is_killed_and_restarted(
    broker: Stack, line_of_its_own: Line, chance: random.Random
) -> None:
    line = line_of_its_own
    account = Account(with_shop(line))
    consumers = [line.start("consumer", "--queues", "low", "--slots", str(SLOTS)) for _ in range(2)]

    jobs = 0
    outages: list[tuple[float, float]] = []
    for _ in range(KILLS):
        enqueue(line, "chaos.pass_on", range(jobs, jobs + JOBS_A_KILL))
        before, jobs = len(account.numbers), jobs + JOBS_A_KILL
        wait_until(lambda: len(account.numbers) > before, what="a job has been performed")  # noqa: B023
        time_passes(consumers[0], chance.uniform(0, 0.8))
        killed_at = time.time()
        kill(broker)
        broker.up()
        outages.append((killed_at, time.time()))
    wait_until(lambda: len(account.numbers) == jobs, within=90, what="every job has been performed")
    wait_until(lambda: line.unfinished(Queue.LOW) == 0, within=60, what="every job has been committed")
    ended = [line.end(consumer) for consumer in consumers]

    arrived = Counter(dict(message.headers)["ce_id"] for message in line.sent("jobs.default"))

    commits = CommitLog(line)

    def was_uncommitted(record: Record) -> bool:
        """Whether no commit had it when the broker went down, or it was performed while the broker was down."""
        down, up = next((each for each in outages if each[1] + LATENCY > record.at), (0.0, 0.0))
        return record.at < up + LATENCY and not commits.holds(record, by=down)

    print(account.summary(jobs, broker_killed=f"{KILLS} times", children=len(arrived)))
    assert ended == [0, 0]
    assert account.numbers == set(range(jobs))
    assert len(arrived) == jobs  # one child for each job, however often it was performed
    assert [records for records in account.repeated if not all(map(was_uncommitted, records[:-1]))] == []
    assert line.sent("jobs.dead") == []
