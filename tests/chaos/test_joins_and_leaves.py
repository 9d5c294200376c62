"""Consumers keep joining and leaving gracefully under load: nothing is lost, repeated or reordered."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from streams.job import Queue
from tests.support.chaos import LONG
from tests.support.chaos.account import Account, enqueue
from tests.support.line import Line
from tests.support.started import Started
from tests.support.waiting import time_passes, wait_until

JOBS = 40_000 if LONG else 12_000
KEYS = 300
MAX_CONSUMERS = 4
MEMBERSHIPS = ["cooperative", "eager", "consumer"] if LONG else ["cooperative"]


@pytest.mark.parametrize("membership", MEMBERSHIPS)
def test_joins_and_leaves_under_load_lose_repeat_and_reorder_nothing(
    shop: Line, chance: random.Random, membership: str
) -> None:
    shop.settings["GROUP"] = membership
    account = Account(shop)
    consumers = [start_consumer(shop)]
    enqueue(shop, "chaos.in_order", range(JOBS // 2), keys=KEYS)
    wait_until(lambda: account.numbers, what="the first job has been performed")
    enqueue(shop, "chaos.in_order", range(JOBS // 2, JOBS), keys=KEYS)
    left: list[Started] = []

    while len(account.numbers) < JOBS and shop.unfinished(Queue.LOW):
        time_passes(consumers[0], chance.uniform(0, 0.5))
        busy = [consumer for consumer in consumers if account.by(consumer.pid)]
        if len(busy) > 1 and (len(consumers) == MAX_CONSUMERS or chance.random() < 0.5):
            leaving = chance.choice(busy)
            consumers.remove(leaving)
            leaving.terminate()
            left.append(leaving)
        elif len(consumers) < MAX_CONSUMERS:
            consumers.append(start_consumer(shop))
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="every job has been committed")
    changes = f"{len(left) + len(consumers)} joined, {len(left)} left under load"
    wait_until(
        lambda: shop.log.count("consumer_started") == len(left) + len(consumers),
        what="all consumers have started",
    )
    exit_codes = {consumer.wait(40) for consumer in left} | {shop.end(consumer) for consumer in consumers}

    print(account.summary(JOBS, in_order=f"{KEYS} keys", consumers=changes))
    assert exit_codes == {0}
    assert len(left) >= 2
    assert account.numbers == set(range(JOBS))
    assert account.repeated == []
    by_key = defaultdict(list)
    for record in account.performed:
        by_key[record.key].append(record.number)
    assert [key for key, numbers in by_key.items() if numbers != sorted(numbers)] == []


def start_consumer(line: Line) -> Started:
    return line.start("consumer", "--queues", "low", "--slots", "4")
