"""Consumers come and go while others work: nothing is lost, and every key stays in order."""

from __future__ import annotations

import random
import signal
import subprocess
from collections import defaultdict

import pytest

from streams.job import Queue
from tests.chaos.account import Account, enqueue
from tests.chaos.conftest import LONG, time_passes
from tests.line import Line, wait_until

pytestmark = pytest.mark.skipif(not LONG, reason="takes minutes on a busy machine: make chaos")

CHANGES = 40 if LONG else 6
JOBS_BETWEEN = 400
KEYS = 40
AT_MOST = 4  # consumers


@pytest.mark.parametrize("membership", ["cooperative", "eager"])
def test_a_storm_of_joins_and_leaves_loses_nothing_and_keeps_the_order(
    shop: Line, chance: random.Random, membership: str
) -> None:
    shop.settings["GROUP"] = membership
    account = Account(shop)
    consumers = [start_consumer(shop)]
    left: list[subprocess.Popen[bytes]] = []
    enqueued = 0

    for _ in range(CHANGES):
        enqueue(shop, "chaos.in_order", range(enqueued, enqueued + JOBS_BETWEEN), keys=KEYS)
        enqueued += JOBS_BETWEEN
        time_passes(consumers[0], chance.uniform(0.1, 1.5))
        if len(consumers) > 1 and (len(consumers) == AT_MOST or chance.random() < 0.5):
            leaving = consumers.pop(chance.randrange(len(consumers)))
            leaving.terminate()
            left.append(leaving)
        else:
            consumers.append(start_consumer(shop))
    wait_until(lambda: len(account.numbers) == enqueued, within=60, told="all is performed")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, within=60, told="all is committed")
    ended = {leaving.wait(40) for leaving in left} | {shop.end(consumer) for consumer in consumers}

    changes = f"{len(left) + len(consumers)} joined, {len(left)} left meanwhile"
    print(account.told(enqueued, in_order=f"{KEYS} keys", consumers=changes))
    assert ended <= {0, -signal.SIGTERM}, "in order, or before it had begun"
    first_runs: defaultdict[str, list[int]] = defaultdict(list)
    seen: set[int] = set()
    for record in account.performed:
        if record.number not in seen:
            seen.add(record.number)
            first_runs[record.key].append(record.number)
    assert [key for key, numbers in first_runs.items() if numbers != sorted(numbers)] == []
    # A commit that is refused while the group changes leaves what finished in the last second to be repeated.
    assert len(account.repeated) <= CHANGES * JOBS_BETWEEN / 4
    assert shop.sent("jobs.dead") == []


def start_consumer(line: Line) -> subprocess.Popen[bytes]:
    return line.start("consumer", "--queues", "low", "--slots", "4")
