"""`treadle jobs`: a job that waits does not begin, or begins at another time; however close a race, it ends once."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from consumers.lifecycle import batch_of
from streams.message import Message
from streams.orders import Order, encode_order
from streams.producer import Producer
from tests.support.builders.messages import NOW
from tests.support.life import outcomes
from tests.support.line import Line
from tests.support.waiting import wait_until


def enqueue(line: Line, count: int, kind: str = "life.say", later: str = "0s", **args: str) -> list[str]:
    text = (json.dumps({"kind": kind, "args": args, "in": later}) + "\n") * count
    return line.treadle("enqueue", "-", stdin=text).stdout.split()


def cancel(line: Line, job: str, code: int = 0) -> dict[str, Any]:
    return order(line, "cancel", job, code=code)


def order(line: Line, what: str, job: str, *options: str, code: int = 0) -> dict[str, Any]:
    done = line.treadle("jobs", what, job, *options, "--by", "ada", "--why", "a mistake", "--json")
    assert done.returncode == code, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_waiting_job_ends_as_cancelled_with_who_and_why(shop: Line) -> None:
    bad, good = enqueue(shop, 2, word="hello")

    answer = cancel(shop, bad)
    consumer = shop.start("consumer", "--queues", "low")
    wait_until(lambda: len(outcomes(shop)) == 2, told="both have ended")

    assert (answer["found"], answer["ordered"]) == ("waiting", True)
    assert shop.end(consumer) == 0
    assert shop.out == ["hello"]
    assert (outcomes(shop)[bad].outcome, outcomes(shop)[bad].reason) == ("cancelled", "by ada: a mistake")
    assert outcomes(shop)[good].outcome == "succeeded"


def test_a_job_that_runs_has_finished_or_nobody_knows_is_told_so(shop: Line) -> None:
    shop.start("consumer", "--queues", "low")
    (running,) = enqueue(shop, 1, kind="life.wait", word="long")
    (done,) = enqueue(shop, 1, word="hello")
    wait_until(lambda: done in outcomes(shop), told="one is done")
    wait_until(lambda: running.encode() in b"".join(m.value or b"" for m in shop.sent("jobs.lifecycle")))

    answers = [cancel(shop, running), cancel(shop, done, code=1), cancel(shop, "of-nobody", code=1)]

    (shop.folder / "go").touch()
    wait_until(lambda: running in outcomes(shop), told="the other is done")
    assert [answer["found"] for answer in answers] == ["running", "already finished", "unknown"]
    assert outcomes(shop)[running].outcome == "succeeded"


def test_messages_of_others_on_our_topics_are_passed_over(shop: Line) -> None:
    (job,) = enqueue(shop, 1, word="hello")
    words = [b"", job.encode(), b'{"finished":["%s"]}' % job.encode()]
    shop.send([Message("jobs.lifecycle", None, word, []) for word in words])
    shop.send([Message("treadle.orders", job.encode(), word, []) for word in words])

    answer = cancel(shop, job)
    consumer = shop.start("consumer", "--queues", "low")
    wait_until(lambda: job in outcomes(shop), told="it has ended")

    assert (answer["found"], answer["ordered"]) == ("waiting", True)
    assert shop.end(consumer) == 0
    assert outcomes(shop)[job].outcome == "cancelled"
    assert shop.log.count("order_unreadable") == 3


def test_a_cancel_that_races_the_start_leaves_each_job_with_one_end(shop: Line) -> None:
    shop.start("consumer", "--queues", "low")
    producer = Producer({"bootstrap.servers": shop.kafka})
    first, racing, last = ([f"{name}-{number}" for number in range(700)] for name in ("a", "b", "c"))
    producer.send(map(say, first))
    wait_until(lambda: set(first) <= outcomes(shop).keys(), told="the first have ended before any order")
    producer.send([*map(end_it, last), end_it("known"), say("known")])
    wait_until(
        lambda: "known" in outcomes(shop), told="the orders about the last are known before their jobs"
    )

    both = zip(map(say, racing), map(end_it, reversed(racing)), strict=True)
    producer.send([*map(end_it, first), *(each for pair in both for each in pair), *map(say, last)])
    producer.close()
    wait_until(lambda: {*first, *racing, *last} <= outcomes(shop).keys(), told="all have ended")

    told = [done for each in shop.sent("jobs.lifecycle") for done in batch_of(each.value).finished]
    ends = {done.job: done.outcome for done in told}
    assert len(told) == len(ends) == 2_101
    assert {ends[job] for job in first} == {"succeeded"}
    assert {ends[job] for job in racing} <= {"succeeded", "cancelled"}
    assert {ends[job] for job in last} == {"cancelled"}
    assert Counter(ends.values())["succeeded"] == len(shop.out)


def say(job: str) -> Message:
    papers = [("ce_id", job.encode()), ("ce_type", b"life.say"), ("ce_source", b"/test")]
    return Message("jobs.low", None, b'{"word":"hello"}', papers)


def end_it(job: str) -> Message:
    return encode_order(job, Order("cancel", job, "bea", NOW))


def test_a_job_for_later_that_is_cancelled_ends_when_it_comes_up(shop: Line) -> None:
    (job,) = enqueue(shop, 1, word="hello", later="6s")

    answer = cancel(shop, job)
    shop.start("retries")
    shop.start("consumer", "--queues", "low")
    wait_until(lambda: job in outcomes(shop), told="it has ended")

    assert (answer["found"], answer["told"], answer["ordered"]) == ("waiting", "retry.5s", True)
    assert outcomes(shop)[job].outcome == "cancelled"
    assert shop.out == []


def test_a_job_for_tomorrow_runs_now_and_once(shop: Line) -> None:
    for process in ("retries", "consumer"):
        shop.start(process)
    wait_until(lambda: shop.log.count("partitions_assigned") >= 6, told="all have their partitions")
    (job,) = enqueue(shop, 1, word="hello", later="1d")

    answer = order(shop, "run-now", job)
    wait_until(lambda: job in outcomes(shop), told="it has ended")

    assert (answer["found"], answer["ordered"]) == ("waiting", True)
    assert answer["done"] == "it goes to its queue now"
    assert shop.out == ["hello"]
    assert order(shop, "run-now", job, code=1)["found"] == "already finished"


def test_a_job_that_is_moved_twice_runs_once_at_the_last_of_its_moments(shop: Line) -> None:
    (job,) = enqueue(shop, 1, word="hello", later="10s")

    order(shop, "reschedule", job, "--in", "1h")
    answer = order(shop, "reschedule", job, "--in", "5s")
    for process in ("retries", "consumer"):
        shop.start(process)
    wait_until(lambda: "stale_copy_dropped" in shop.log and job in outcomes(shop), told="both copies came up")

    assert answer["done"].startswith("it is due at ")
    assert shop.out == ["hello"]
    assert outcomes(shop)[job].outcome == "succeeded"
    (home,) = [m for m in shop.sent("jobs.low") if dict(m.headers)["ce_id"] == job.encode()]
    assert home.timestamp >= int(dict(home.headers)["treadle_due"])


def test_a_moved_job_can_be_cancelled_and_a_cancelled_one_not_moved(shop: Line) -> None:
    (job,) = enqueue(shop, 1, word="hello", later="10s")

    order(shop, "reschedule", job, "--in", "5s")
    cancelled = order(shop, "cancel", job)
    moved = order(shop, "run-now", job, code=1)
    for process in ("retries", "consumer"):
        shop.start(process)
    wait_until(lambda: "stale_copy_dropped" in shop.log and job in outcomes(shop), told="both copies came up")

    assert cancelled["ordered"]
    assert moved["told"] == "it is cancelled, by ada"
    assert shop.out == []
    assert outcomes(shop)[job].outcome == "cancelled"


def test_what_is_in_its_queue_is_not_moved(shop: Line) -> None:
    (job,) = enqueue(shop, 1, word="hello")

    answer = order(shop, "reschedule", job, "--in", "1h", code=1)

    assert (answer["found"], answer["ordered"]) == ("waiting", False)
    assert "jobs.low" in answer["told"]


def test_a_moment_that_is_missing_or_without_zone_is_refused(shop: Line) -> None:
    nothing = shop.treadle("jobs", "reschedule", "of-nobody")
    no_zone = shop.treadle("jobs", "reschedule", "of-nobody", "--at", "2027-01-01T09:00:00")

    assert (nothing.returncode, no_zone.returncode) == (2, 2)
    assert "say --in DURATION or --at TIME" in nothing.stderr
    assert "has no zone" in no_zone.stderr
