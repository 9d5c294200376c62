"""A job that kills its process ends after three deaths; a process killed from outside takes no job with it."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from streams.job import Queue
from streams.wire.failure import Failure, failure_of
from tests.support.life import enqueue
from tests.support.line import Line
from tests.support.waiting import wait_until

MEMBER = {"KAFKA_GROUP_INSTANCE_ID": "one"}  # a member that returns under its name has its partitions at once
GOOD = [f"good {number}" for number in range(200)]


def the_failure(shop: Line) -> Failure:
    (dead_letter,) = shop.sent("jobs.dead")
    found = failure_of(dead_letter)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["poison", "poison_async"])
def test_a_job_that_kills_its_process_is_a_dead_letter_at_the_third_death_and_all_others_are_done(
    shop: Line, kind: str
) -> None:
    jobs = [("say", {"word": word}) for word in GOOD]
    enqueue(shop, *jobs[:100], (kind, {}), *jobs[100:])

    deaths, consumer = 0, shop.start("consumer", "--queues", "low", **MEMBER)
    while not shop.sent("jobs.dead"):
        wait_until(lambda: consumer.poll() is not None or shop.sent("jobs.dead"), what="a death")  # noqa: B023
        if consumer.poll() is not None:
            deaths += 1
            consumer = shop.start("consumer", "--queues", "low", **MEMBER)
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="all are finished")

    assert shop.end(consumer) == 0
    assert deaths == 2
    assert shop.out.count("poison") == 3
    assert set(GOOD) <= set(shop.out)
    failure = the_failure(shop)
    assert (failure.error, failure.why, failure.crashes) == ("Crashed", "crashed: 3 processes died of it", 3)
    assert failure.message == "the process that performed it ended with exit code -9"


def test_a_job_that_kills_a_child_is_a_dead_letter_at_the_third_death_whatever_its_policy(shop: Line) -> None:
    shop.start("retries")
    consumer = shop.start("consumer", "--queues", "low")
    enqueue(shop, ("heavy_poison", {}))

    wait_until(lambda: shop.sent("jobs.dead"), what="it is a dead letter")

    assert shop.end(consumer) == 0
    assert shop.out == ["poison"] * 3
    assert the_failure(shop).why == "crashed: 3 processes died of it"


def test_a_process_that_is_repeatedly_killed_from_outside_takes_no_job_with_it(shop: Line) -> None:
    enqueue(shop, ("wait", {"word": "slow"}), *(("say", {"word": word}) for word in GOOD))

    for deaths in range(1, 6):
        consumer = shop.start("consumer", "--queues", "low", **MEMBER)
        wait_until(lambda: shop.out.count("begun slow") == deaths, what="the slow one has begun again")  # noqa: B023
        shop.end(consumer, signal.SIGKILL)
    Path(shop.folder, "go").touch()
    consumer = shop.start("consumer", "--queues", "low", **MEMBER)
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="all are finished")

    assert shop.end(consumer) == 0
    assert shop.sent("jobs.dead") == []
    assert "ended slow" in shop.out
    assert set(GOOD) <= set(shop.out)
    assert '"in_a_row": 5' in shop.log


def test_a_job_in_flight_in_a_child_when_the_drain_ends_stays_unfinished(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", "--drain", "0.5")
    enqueue(shop, ("heavy_wait", {}))
    wait_until(lambda: len(shop.out) == 1, what="it has begun")

    assert shop.end(consumer) == 0
    assert (shop.unfinished(Queue.LOW), shop.sent("jobs.dead")) == (1, [])

    Path(shop.folder, "go").touch()
    another = shop.start("consumer", "--queues", "low")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="another has finished it")
    assert shop.end(another) == 0
    assert (shop.out.count("ended"), shop.sent("jobs.dead")) == (1, [])


def test_children_killed_from_outside_do_not_count_against_their_jobs(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low")
    enqueue(shop, ("heavy_wait", {}))
    wait_until(lambda: len(shop.out) == 1, what="it has begun")

    children = psutil.Process(consumer.pid).children()
    busy = int(shop.out[0].split()[1])
    for child in sorted(children, key=lambda child: child.pid == busy):  # idle ones first
        child.terminate()
    wait_until(lambda: len(shop.out) == 2, what="it has begun again, in another child")
    Path(shop.folder, "go").touch()
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="it is finished")

    assert shop.end(consumer) == 0
    assert (shop.out.count("ended"), shop.sent("jobs.dead")) == (1, [])


def test_an_owner_that_leaves_cleanly_leaves_no_suspects(shop: Line) -> None:
    enqueue(shop, *(("say", {"word": word}) for word in GOOD))

    for _ in range(2):
        consumer = shop.start("consumer", "--queues", "low", **MEMBER)
        wait_until(
            lambda: shop.unfinished(Queue.LOW) == 0 and set(GOOD) <= set(shop.out), what="all are performed"
        )
        assert shop.end(consumer) == 0

    assert shop.metadata(Queue.LOW) == {""}
    assert "owner_died" not in shop.log
