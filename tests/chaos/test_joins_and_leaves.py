"""Consumers join and leave in order, all the time and under load: nothing is lost, repeated, or out of order."""

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
AT_MOST = 4  # consumers at once
MEMBERSHIPS = ["cooperative", "eager", "consumer"] if LONG else ["cooperative"]


@pytest.mark.parametrize("membership", MEMBERSHIPS)
def test_a_storm_of_joins_and_leaves_disturbs_nothing(
    shop: Line, chance: random.Random, membership: str
) -> None:
    shop.settings["GROUP"] = membership
    account = Account(shop)
    consumers = [start_consumer(shop)]
    enqueue(shop, "chaos.in_order", range(JOBS // 2), keys=KEYS)
    wait_until(lambda: account.numbers, told="the first is at work")
    enqueue(shop, "chaos.in_order", range(JOBS // 2, JOBS), keys=KEYS)
    left: list[Started] = []

    while len(account.numbers) < JOBS and shop.unfinished(Queue.LOW):
        time_passes(consumers[0], chance.uniform(0, 0.5))
        at_work = [consumer for consumer in consumers if account.by(consumer.pid)]
        if len(at_work) > 1 and (len(consumers) == AT_MOST or chance.random() < 0.5):
            leaving = chance.choice(at_work)
            consumers.remove(leaving)
            leaving.terminate()
            left.append(leaving)
        elif len(consumers) < AT_MOST:
            consumers.append(start_consumer(shop))
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, told="all is committed")
    changes = f"{len(left) + len(consumers)} joined, {len(left)} left meanwhile"
    wait_until(
        lambda: shop.log.count("consumer_started") == len(left) + len(consumers), told="all have begun"
    )
    ended = {consumer.wait(40) for consumer in left} | {shop.end(consumer) for consumer in consumers}

    print(account.told(JOBS, in_order=f"{KEYS} keys", consumers=changes))
    assert ended == {0}
    assert len(left) >= 2
    assert account.numbers == set(range(JOBS))
    assert account.repeated == []
    told = defaultdict(list)
    for record in account.performed:
        told[record.key].append(record.number)
    assert [key for key, numbers in told.items() if numbers != sorted(numbers)] == []


def start_consumer(line: Line) -> Started:
    return line.start("consumer", "--queues", "low", "--slots", "4")
