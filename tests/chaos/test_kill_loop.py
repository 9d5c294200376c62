"""Three consumers under full load are killed with -9 again and again: nothing is lost, and little is repeated."""

from __future__ import annotations

import random
import time
from typing import NamedTuple

import pytest

from streams.job import Queue
from tests.support.chaos import LONG
from tests.support.chaos.account import Account, Record, enqueue
from tests.support.chaos.commit_log import CommitLog
from tests.support.line import Line
from tests.support.started import Started
from tests.support.waiting import time_passes, wait_until

SLOTS = 8
# All eager members but one have names. Kafka gives a named member's partitions to the next of that name immediately;
# those of a nameless one go to the others when its session times out. Cooperative members cannot have names.
GROUPS = {"eager": ["one", "two", ""], "cooperative": ["", "", ""]}
JOBS = {"eager": 150_000, "cooperative": 60_000} if LONG else {"eager": 24_000}


class Kill(NamedTuple):
    pid: int
    at: float


@pytest.mark.parametrize("membership", JOBS)
def test_consumers_killed_in_a_loop_lose_nothing(shop: Line, chance: random.Random, membership: str) -> None:
    jobs, names = JOBS[membership], GROUPS[membership]
    shop.settings["GROUP"] = membership
    enqueue(shop, "chaos.count", range(jobs))
    account = Account(shop)
    kills: list[Kill] = []
    consumers = [start_consumer(shop, name) for name in names]

    def nearly_done() -> bool:
        return len(account.numbers) > 0.95 * jobs

    def busy() -> list[int]:
        return [number for number, consumer in enumerate(consumers) if account.by(consumer.pid)]

    while not nearly_done():
        wait_until(lambda: busy() or nearly_done(), within=40, what="a consumer has performed a job")
        if nearly_done():
            break
        number = chance.choice(busy())
        time_passes(consumers[number], chance.uniform(0, 2))
        shop.kill(consumers[number])
        kills.append(Kill(consumers[number].pid, time.time()))
        consumers[number] = start_consumer(shop, names[number])
    wait_until(lambda: len(account.numbers) == jobs, within=60, what="every job has been performed")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, within=60, what="every job has been committed")
    wait_until(
        lambda: shop.log.count("consumer_started") == len(kills) + len(consumers),
        what="all consumers have started",
    )
    exit_codes = [shop.end(consumer) for consumer in consumers]

    commits = CommitLog(shop)
    uncommitted = [record for record in account.performed if was_uncommitted(record, kills, commits)]
    allowed = len(uncommitted) + SLOTS * len(kills)
    repeats = [record for records in account.repeated for record in records[:-1]]
    print(account.summary(jobs, killed=f"{len(kills)} consumers", allowed_repeats=allowed))
    assert exit_codes == [0, 0, 0]
    assert len(kills) >= 2
    assert account.numbers == set(range(jobs))
    assert set(repeats) <= set(uncommitted)
    assert len(repeats) <= allowed
    assert shop.sent("jobs.dead") == []


def start_consumer(line: Line, name: str) -> Started:
    settings = {"STATIC_MEMBER": name} if name else {}
    return line.start("consumer", "--queues", "low", "--slots", str(SLOTS), **settings)


def was_uncommitted(record: Record, kills: list[Kill], commits: CommitLog) -> bool:
    """Whether its process was killed before Kafka accepted a commit that has it as finished."""
    return any(record.pid == kill.pid and not commits.holds(record, by=kill.at) for kill in kills)
