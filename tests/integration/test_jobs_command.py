"""`treadle jobs`: a waiting job is cancelled or moved to another time. However close the race, it ends once."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from streams.kafka.producer import Producer
from streams.message import Message
from streams.overrides.message import Override, encode_override
from streams.wire.lifecycle import decode_batch
from tests.support.builders.messages import NOW
from tests.support.life import outcomes
from tests.support.line import Line
from tests.support.waiting import wait_until


def enqueue(line: Line, count: int, kind: str = "life.say", delay: str = "0s", **args: str) -> list[str]:
    text = (json.dumps({"kind": kind, "args": args, "in": delay}) + "\n") * count
    return line.treadle("enqueue", "-", stdin=text).stdout.split()


def cancel(line: Line, job: str, code: int = 0) -> dict[str, Any]:
    return change(line, "cancel", job, code=code)


def change(line: Line, what: str, job: str, *options: str, code: int = 0) -> dict[str, Any]:
    done = line.treadle("jobs", what, job, *options, "--by", "ada", "--why", "a mistake", "--json")
    assert done.returncode == code, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_waiting_job_ends_as_cancelled_with_who_and_why(shop: Line) -> None:
    bad, good = enqueue(shop, 2, word="hello")

    answer = cancel(shop, bad)
    consumer = shop.start("consumer", "--queues", "low")
    wait_until(lambda: len(outcomes(shop)) == 2, what="both have ended")

    assert (answer["found"], answer["changed"]) == ("waiting", True)
    assert shop.end(consumer) == 0
    assert shop.out == ["hello"]
    assert (outcomes(shop)[bad].outcome, outcomes(shop)[bad].reason) == ("cancelled", "by ada: a mistake")
    assert outcomes(shop)[good].outcome == "succeeded"


def test_a_job_in_flight_a_finished_and_an_unknown_one_are_reported_as_such(shop: Line) -> None:
    shop.start("consumer", "--queues", "low")
    (in_flight,) = enqueue(shop, 1, kind="life.wait", word="long")
    (done,) = enqueue(shop, 1, word="hello")
    wait_until(lambda: done in outcomes(shop), what="one is done")
    wait_until(lambda: in_flight.encode() in b"".join(m.value or b"" for m in shop.sent("jobs.lifecycle")))

    answers = [cancel(shop, in_flight), cancel(shop, done, code=1), cancel(shop, "unknown-id", code=1)]

    (shop.folder / "go").touch()
    wait_until(lambda: in_flight in outcomes(shop), what="the other is done")
    assert [answer["found"] for answer in answers] == ["in flight", "already finished", "unknown"]
    assert outcomes(shop)[in_flight].outcome == "succeeded"


def test_foreign_messages_on_our_topics_are_skipped(shop: Line) -> None:
    (job,) = enqueue(shop, 1, word="hello")
    words = [b"", job.encode(), b'{"finished":["%s"]}' % job.encode()]
    shop.send([Message("jobs.lifecycle", None, word, []) for word in words])
    shop.send([Message("treadle.overrides", job.encode(), word, []) for word in words])

    answer = cancel(shop, job)
    consumer = shop.start("consumer", "--queues", "low")
    wait_until(lambda: job in outcomes(shop), what="it has ended")

    assert (answer["found"], answer["changed"]) == ("waiting", True)
    assert shop.end(consumer) == 0
    assert outcomes(shop)[job].outcome == "cancelled"
    assert shop.log.count("override_unreadable") == 3


def test_a_cancel_that_races_the_start_leaves_each_job_with_one_outcome(shop: Line) -> None:
    shop.start("consumer", "--queues", "low")
    producer = Producer({"bootstrap.servers": shop.kafka})
    first, racing, last = ([f"{name}-{number}" for number in range(700)] for name in ("a", "b", "c"))
    producer.send(map(a_job, first))
    wait_until(lambda: set(first) <= outcomes(shop).keys(), what="the first have ended before any override")
    producer.send([*map(a_cancel, last), a_cancel("known"), a_job("known")])
    wait_until(
        lambda: "known" in outcomes(shop), what="the overrides of the last jobs are known before those jobs"
    )

    both = zip(map(a_job, racing), map(a_cancel, reversed(racing)), strict=True)
    producer.send([*map(a_cancel, first), *(each for pair in both for each in pair), *map(a_job, last)])
    producer.close()
    wait_until(lambda: {*first, *racing, *last} <= outcomes(shop).keys(), what="all have ended")

    reported = [done for each in shop.sent("jobs.lifecycle") for done in decode_batch(each.value).finished]
    by_job = {done.job: done.outcome for done in reported}
    assert len(reported) == len(by_job) == 2_101
    assert {by_job[job] for job in first} == {"succeeded"}
    assert {by_job[job] for job in racing} <= {"succeeded", "cancelled"}
    assert {by_job[job] for job in last} == {"cancelled"}
    assert Counter(by_job.values())["succeeded"] == len(shop.out)


def a_job(job: str) -> Message:
    headers = [("ce_id", job.encode()), ("ce_type", b"life.say"), ("ce_source", b"/test")]
    return Message("jobs.low", None, b'{"word":"hello"}', headers)


def a_cancel(job: str) -> Message:
    return encode_override(job, Override("cancel", job, "bea", NOW))


def test_a_cancelled_job_that_waits_in_a_tier_ends_when_it_is_due(shop: Line) -> None:
    (job,) = enqueue(shop, 1, word="hello", delay="6s")

    answer = cancel(shop, job)
    shop.start("retries")
    shop.start("consumer", "--queues", "low")
    wait_until(lambda: job in outcomes(shop), what="it has ended")

    assert (answer["found"], answer["detail"], answer["changed"]) == ("waiting", "retry.5s", True)
    assert outcomes(shop)[job].outcome == "cancelled"
    assert shop.out == []


def test_a_job_scheduled_for_tomorrow_runs_once_when_it_is_run_now(shop: Line) -> None:
    for process in ("retries", "consumer"):
        shop.start(process)
    wait_until(lambda: shop.log.count("partitions_assigned") >= 6, what="all have their partitions")
    (job,) = enqueue(shop, 1, word="hello", delay="1d")

    answer = change(shop, "run-now", job)
    wait_until(lambda: job in outcomes(shop), what="it has ended")

    assert (answer["found"], answer["changed"]) == ("waiting", True)
    assert answer["done"] == "it returns to its queue now"
    assert shop.out == ["hello"]
    assert change(shop, "run-now", job, code=1)["found"] == "already finished"


def test_a_job_that_is_moved_twice_runs_once_at_its_last_due_time(shop: Line) -> None:
    (job,) = enqueue(shop, 1, word="hello", delay="10s")

    change(shop, "reschedule", job, "--in", "1h")
    answer = change(shop, "reschedule", job, "--in", "5s")
    for process in ("retries", "consumer"):
        shop.start(process)
    wait_until(
        lambda: "stale_copy_dropped" in shop.log and job in outcomes(shop),
        what="both copies have returned to the queue",
    )

    assert answer["done"].startswith("it is due at ")
    assert shop.out == ["hello"]
    assert outcomes(shop)[job].outcome == "succeeded"
    (returned,) = [m for m in shop.sent("jobs.low") if dict(m.headers)["ce_id"] == job.encode()]
    assert returned.timestamp >= int(dict(returned.headers)["treadle_due"])


def test_a_moved_job_can_be_cancelled_but_a_cancelled_one_cannot_be_moved(shop: Line) -> None:
    (job,) = enqueue(shop, 1, word="hello", delay="10s")

    change(shop, "reschedule", job, "--in", "5s")
    cancelled = change(shop, "cancel", job)
    moved = change(shop, "run-now", job, code=1)
    for process in ("retries", "consumer"):
        shop.start(process)
    wait_until(
        lambda: "stale_copy_dropped" in shop.log and job in outcomes(shop),
        what="both copies have returned to the queue",
    )

    assert cancelled["changed"]
    assert moved["detail"] == "already cancelled by ada"
    assert shop.out == []
    assert outcomes(shop)[job].outcome == "cancelled"


def test_a_job_that_is_already_in_its_queue_is_not_moved(shop: Line) -> None:
    (job,) = enqueue(shop, 1, word="hello")

    answer = change(shop, "reschedule", job, "--in", "1h", code=1)

    assert (answer["found"], answer["changed"]) == ("waiting", False)
    assert "jobs.low" in answer["detail"]


def test_a_time_that_is_missing_or_has_no_zone_is_refused(shop: Line) -> None:
    nothing = shop.treadle("jobs", "reschedule", "unknown-id")
    no_zone = shop.treadle("jobs", "reschedule", "unknown-id", "--at", "2027-01-01T09:00:00")

    assert (nothing.returncode, no_zone.returncode) == (2, 2)
    assert "give --in DURATION or --at TIME" in nothing.stderr
    assert "has no time zone" in no_zone.stderr
