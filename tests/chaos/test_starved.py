"""A consumer gets no processor for longer than its session: another takes over, and later it joins in again."""

from __future__ import annotations

import random
import signal

import pytest

from streams.job import Queue
from tests.chaos.account import Account, enqueue
from tests.chaos.conftest import LONG, time_passes
from tests.line import Line, wait_until

pytestmark = pytest.mark.skipif(not LONG, reason="takes minutes on a busy machine: make chaos")

STARVED = 60.0 if LONG else 7.0  # seconds; a session lasts 6
JOBS = 16_000
SLOTS = 8
SINCE_COMMIT = 2.5


def test_a_starved_consumer_joins_in_again_and_commits_nothing_of_what_it_lost(
    shop: Line, chance: random.Random
) -> None:
    enqueue(shop, "chaos.count", range(JOBS))
    account = Account(shop)
    starved, other = (shop.start("consumer", "--queues", "low", "--slots", str(SLOTS)) for _ in range(2))
    wait_until(lambda: account.by(starved.pid) and account.by(other.pid), told="both are at work")
    time_passes(starved, chance.uniform(0, 0.5))

    starved.send_signal(signal.SIGSTOP)
    stopped_at = account.records[-1].at
    time_passes(starved, STARVED)
    wait_until(lambda: len(account.numbers) >= JOBS - 2 * SLOTS, within=60, told="the other has taken over")
    starved.send_signal(signal.SIGCONT)
    wait_until(lambda: "partitions_lost" in shop.log, told="it hears of its loss")
    known = account.by(starved.pid)
    enqueue(shop, "chaos.count", range(JOBS, 2 * JOBS))
    wait_until(lambda: len(account.numbers) == 2 * JOBS, within=60, told="all is performed")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, within=60, told="all is committed")
    ended = [shop.end(starved), shop.end(other)]

    print(account.told(2 * JOBS))
    first_runs = [record for records in account.repeated for record in records[:-1]]
    assert ended == [0, 0]
    assert account.numbers == set(range(2 * JOBS))
    assert account.by(starved.pid) > known, "it works again"
    # What ran twice was in the starved process's hands, or finished there since its last commit.
    assert [each for each in first_runs if each.at < stopped_at - SINCE_COMMIT] == []
    assert shop.sent("jobs.dead") == []
