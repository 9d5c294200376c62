"""A consumer gets no CPU for longer than its session timeout: another takes over, and it rejoins later."""

from __future__ import annotations

import random
import signal
import time

from streams.job import Queue
from tests.support.chaos import LONG
from tests.support.chaos.account import Account, Record, enqueue
from tests.support.chaos.commit_log import CommitLog
from tests.support.line import Line
from tests.support.waiting import time_passes, wait_until

STARVED = 60.0 if LONG else 6.5  # seconds; the session timeout is 6
JOBS = 10_000
SLOTS = 8
HELD = 4_000  # most jobs that wait in a process; it performs them until it learns that it lost its partitions


def test_a_starved_consumer_rejoins_and_commits_nothing_for_partitions_it_lost(
    shop: Line, chance: random.Random
) -> None:
    account = Account(shop)
    starved, other = (shop.start("consumer", "--queues", "low", "--slots", str(SLOTS)) for _ in range(2))
    wait_until(lambda: shop.log.count("consumer_started") == 2, what="both have started")
    enqueue(shop, "chaos.count", range(JOBS))
    wait_until(lambda: account.by(starved.pid) and account.by(other.pid), what="both have performed a job")
    time_passes(starved, chance.uniform(0, 0.5))

    starved.send_signal(signal.SIGSTOP)
    stopped_at = time.time()
    time_passes(starved, STARVED)
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="the other has done its share as well")
    before = shop.committed(Queue.LOW)
    starved.send_signal(signal.SIGCONT)
    wait_until(lambda: "partitions_lost" in shop.log, what="it knows that it lost its partitions")
    after = shop.committed(Queue.LOW)
    enqueue(shop, "chaos.count", range(JOBS, 2 * JOBS))
    wait_until(lambda: len(account.numbers) == 2 * JOBS, what="every job has been performed")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="every job has been committed")
    exit_codes = (shop.end(starved), shop.end(other))

    commits = CommitLog(shop)

    def was_uncommitted(record: Record) -> bool:
        """Whether the starved consumer performed it and had not committed it when it was stopped."""
        return record.pid == starved.pid and not commits.holds(record, by=stopped_at)

    unaware = sum(r.pid == starved.pid and r.number < JOBS and r.at > stopped_at for r in account.performed)
    again = sum(r.pid == starved.pid and r.number >= JOBS for r in account.performed)
    print(account.summary(2 * JOBS, performed_unaware_of_its_loss=unaware, performed_after_rejoining=again))
    assert exit_codes == (0, 0)
    assert account.numbers == set(range(2 * JOBS))
    assert after == before
    assert again > 0
    assert unaware <= HELD + SLOTS
    assert [records for records in account.repeated if not any(map(was_uncommitted, records))] == []
