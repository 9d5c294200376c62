"""Three consumers at full load are killed with -9 again and again; nothing is lost, and little is repeated."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from typing import NamedTuple

import pytest

from streams.job import Queue
from tests.chaos.account import Account, Record, enqueue
from tests.chaos.conftest import LONG, time_passes
from tests.line import Line, wait_until

pytestmark = pytest.mark.skipif(not LONG, reason="takes minutes on a busy machine: make chaos")

JOBS = 400_000 if LONG else 24_000
SLOTS = 8
# Two keep their names, so that Kafka gives the next one of that name the partitions at once; for those of the
# third the others have to wait until its session is over.
NAMES = ("one", "two", "")
SINCE_COMMIT = 2.5  # seconds; commits go out every second, and some are refused while a group changes


class Kill(NamedTuple):
    pid: int
    at: float


def test_consumers_killed_in_a_loop_lose_nothing(shop: Line, chance: random.Random) -> None:
    enqueue(shop, "chaos.count", range(JOBS))
    account = Account(shop)
    kills: list[Kill] = []
    consumers = {name: start_consumer(shop, name) for name in NAMES}

    def done() -> bool:
        return len(account.numbers) == JOBS

    while not done():
        name = chance.choice(NAMES)
        victim = consumers[name]
        wait_until(lambda: account.by(victim.pid) or done(), within=40, told="it is at work")  # noqa: B023
        time_passes(victim, chance.uniform(0, 2))
        if done():
            break
        shop.end(victim, signal.SIGKILL)
        kills.append(Kill(victim.pid, time.time()))
        consumers[name] = start_consumer(shop, name)
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, within=60, told="all is committed")
    ended = [shop.end(consumer) for consumer in consumers.values()]

    allowed = sum(SLOTS + finished_before(kill, account) for kill in kills)
    repeats = [record for records in account.repeated for record in records[:-1]]
    print(account.told(JOBS, killed=f"{len(kills)} consumers", allowed=f"to be repeated {allowed}"))
    assert ended == [0, 0, 0]
    assert kills
    assert account.numbers == set(range(JOBS))
    assert [record for record in repeats if not was_uncommitted(record, kills)] == []
    assert len(repeats) <= allowed
    assert shop.sent("jobs.dead") == []


def start_consumer(line: Line, name: str) -> subprocess.Popen[bytes]:
    settings = {"STATIC_MEMBER": name} if name else {}
    return line.start("consumer", "--queues", "low", "--slots", str(SLOTS), **settings)


def finished_before(kill: Kill, account: Account) -> int:
    """How many jobs the killed process may have finished since its last commit."""
    return sum(was_uncommitted(record, [kill]) for record in account.performed)


def was_uncommitted(record: Record, kills: list[Kill]) -> bool:
    """Whether this was performed by a process that was killed before it had a commit's time."""
    return any(record.pid == kill.pid and record.at > kill.at - SINCE_COMMIT for kill in kills)
