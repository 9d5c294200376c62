"""Jobs that fail and scheduled jobs, through the tiers of a real Kafka and back."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from streams.job import Queue
from streams.message import Message, Received
from streams.wire.failure import failure_of
from tests.support.line import Line
from tests.support.planned import ROOT
from tests.support.waiting import wait_until

LATE = 1_000  # ms; the machine of the tests is small and shared: `bench/studies/waiting_jobs.py` measures

HEADERS = {"ce_id": b"odd-1", "ce_type": b"retry.fail", "ce_source": b"/test"}


@pytest.fixture
def shop(line: Line) -> Line:
    shutil.copy(ROOT / "tests/support/shops/retry_jobs.py", line.folder)
    line.settings["WORKERS"] = "retry_jobs"
    return line


def enqueue(shop: Line, *jobs: dict[str, object]) -> list[str]:
    done = shop.treadle("enqueue", "-", stdin="".join(json.dumps(job) + "\n" for job in jobs))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def produce(shop: Line, *messages: Message) -> None:
    shop.send(messages)


def header(message: Received, name: str) -> str:
    return dict(message.headers)[name].decode()


def lateness(messages: list[Received]) -> list[int]:
    """How many milliseconds after they were due these messages returned to their queues."""
    return [m.timestamp - int(header(m, "treadle_due")) for m in messages if "treadle_due" in dict(m.headers)]


@pytest.mark.alone
def test_a_job_that_fails_twice_returns_on_time_and_succeeds(shop: Line) -> None:
    retries, consumer = (
        shop.start(*command, fresh=True) for command in (["retries"], ["consumer", "--queues", "low"])
    )
    (id_,) = enqueue(shop, {"kind": "retry.fail", "args": {"word": "ada", "times": 2}})

    wait_until(lambda: shop.out == ["ada 1", "ada 2", "ada 3"], what="the third attempt has begun")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0 and shop.waiting == 0, what="all are finished")

    assert (shop.end(consumer), shop.end(retries)) == (0, 0)
    first, second, third = shop.sent("jobs.low")
    assert {m.value for m in (first, second, third)} == {first.value}
    assert "treadle_attempt" not in dict(first.headers)
    assert [header(m, "treadle_attempt") for m in (second, third)] == ["2", "3"]
    assert {header(m, "ce_id") for m in (first, second, third)} == {id_}
    assert {m.key for m in (first, second, third)} == {b"ada"}
    reasons = [failure_of(m) for m in (second, third)]
    assert reasons[0] is not None
    assert reasons[1] is not None
    assert reasons[0].message == "ada is not there"
    assert reasons[0].first_at == reasons[1].first_at < reasons[1].last_at
    late = lateness([second, third])
    assert all(0 <= each < LATE for each in late), late
    assert shop.sent("jobs.dead") == []


def test_a_job_with_a_null_header_fails_waits_and_returns_to_its_queue_with_it(shop: Line) -> None:
    retries, consumer = shop.start("retries"), shop.start("consumer", "--queues", "low")
    produce(shop, Message("jobs.low", None, b'{"word":"ada","times":1}', [*HEADERS.items(), ("x", None)]))

    wait_until(lambda: shop.out == ["ada 1", "ada 2"], what="the second attempt has begun")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0 and shop.waiting == 0, what="all are finished")

    assert (shop.end(consumer), shop.end(retries)) == (0, 0)
    assert [("x", None) in message.headers for message in shop.sent("jobs.low")] == [True, True]


def test_a_job_with_an_impossible_due_time_becomes_a_dead_letter_and_holds_up_no_other(shop: Line) -> None:
    retries, consumer = shop.start("retries"), shop.start("consumer", "--queues", "low,high")
    for due in (b"-1" + 400 * b"0", b"1" + 400 * b"0", b"9" * 5_000):
        headers = [*HEADERS.items(), ("treadle_queue", b"low"), ("treadle_due", due)]
        produce(shop, Message("retry.48h", None, b'{"word":"ada","times":0}', headers))

    enqueue(shop, {"kind": "retry.say", "args": {"word": "later"}, "in": "1s"})

    wait_until(lambda: len(shop.sent("jobs.dead")) == 3 and shop.out == ["later"], what="all have ended")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0 and shop.waiting == 0, what="all are finished")
    assert (shop.end(consumer), shop.end(retries)) == (0, 0)
    failures = [failure_of(dead_letter) for dead_letter in shop.sent("jobs.dead")]
    assert all(each and each.message.startswith("a header cannot be read") for each in failures)


def test_each_job_ends_as_its_policy_says(shop: Line) -> None:
    retries, consumer = shop.start("retries"), shop.start("consumer", "--queues", "low")

    ids = enqueue(
        shop,
        {"kind": "retry.fail", "args": {"word": "bob", "times": 9}},
        {"kind": "retry.fail_once"},
        {"kind": "retry.fleeting"},
        {"kind": "retry.never"},
        {"kind": "retry.snooze"},
    )
    wait_until(lambda: len(shop.sent("jobs.dead")) == 4, within=60, what="four are dead")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0 and shop.waiting == 0, what="all are finished")

    assert (shop.end(consumer), shop.end(retries)) == (0, 0)
    dead = {header(each, "ce_id"): failure_of(each) for each in shop.sent("jobs.dead")}
    why = {id_: failure.why for id_, failure in dead.items() if failure}
    assert why == {
        ids[0]: "all 2 retries are exhausted",
        ids[1]: "jobs of kind retry.fail_once are not retried",
        ids[3]: "its worker gave up",
        ids[4]: "jobs of kind retry.snooze are not retried",
    }
    assert Counter(shop.out) == {
        **{f"bob {attempt}": 1 for attempt in (1, 2, 3)},
        **{f"fleeting {attempt}": 1 for attempt in (1, 2)},
        "snoozed 1": 101,
    }


@pytest.mark.alone
def test_scheduled_jobs_wait_and_past_ones_do_not(shop: Line) -> None:
    retries, consumer = shop.start("retries"), shop.start("consumer", "--queues", "low,high")
    wait_until(lambda: shop.log.count("partitions_assigned") >= 3, what="all have their partitions")
    now = datetime.now(UTC)

    enqueue(
        shop,
        {"kind": "retry.say", "args": {"word": "in"}, "in": "2s"},
        {"kind": "retry.say", "args": {"word": "at"}, "at": (now + timedelta(seconds=6)).isoformat()},
        {"kind": "retry.say", "args": {"word": "past"}, "at": "2020-01-01T00:00:00Z"},
        {"kind": "retry.plan"},
    )

    wait_until(lambda: len(shop.out) == 5, what="all are performed")
    assert (shop.end(consumer), shop.end(retries)) == (0, 0)
    said = shop.sent("jobs.high")
    late = lateness(said)
    assert len(late) == 3
    assert all(0 <= each < LATE for each in late), late
    assert {m.topic for m in shop.sent("retry.1s", "retry.5s")} == {"retry.1s", "retry.5s"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--at", "2026-01-31T09:00:00"), "has no time zone"),
        (("--at", "tomorrow"), "is not a time"),
        (("--in", "soon"), "is not a duration"),
        (("--in", "4000d"), "a job may wait at most ten years"),
        (("--in", "5m", "--at", "2026-01-31T09:00:00Z"), "not both"),
    ],
)
def test_an_impossible_due_time_is_refused(shop: Line, arguments: tuple[str, ...], problem: str) -> None:
    done = shop.treadle("enqueue", "retry.say", '["x"]', *arguments)

    assert done.returncode == 2
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_job_scheduled_years_ahead_waits_in_the_longest_tier(shop: Line) -> None:
    done = shop.treadle("enqueue", "retry.say", '["x"]', "--in", "3650d")

    assert done.returncode == 0
    assert [m.topic for m in shop.sent("retry.48h", "retry.12h", "jobs.high")] == ["retry.48h"]
    assert shop.sent("retry.48h")[0].timestamp <= time.time() * 1000 + 1_000


def test_a_retry_that_kafka_refuses_stops_the_consumer_before_it_commits(shop: Line) -> None:
    plan = (ROOT / "topics.yaml").read_text().replace("retry.", "gone.")
    (shop.folder / "topics.yaml").write_text(plan)
    consumer = shop.start("consumer", "--queues", "low", TOPICS=str(shop.folder / "topics.yaml"))
    enqueue(shop, {"kind": "retry.fail", "args": {"word": "eve", "times": 1}})

    code = consumer.wait(60)

    assert code == 1
    assert "Kafka did not accept a message for gone.1s: the topic does not exist" in shop.log
    assert shop.unfinished(Queue.LOW) == 1
    assert shop.sent("jobs.dead") == []


def test_missing_tiers_stop_the_retries_process_which_says_what_to_do(shop: Line) -> None:
    plan = (ROOT / "topics.yaml").read_text().replace("retry.", "gone.")
    (shop.folder / "topics.yaml").write_text(plan)

    retries = shop.start("retries", TOPICS=str(shop.folder / "topics.yaml"))

    assert retries.wait(60) == 1
    assert "does not exist: `treadle topics apply` creates it" in shop.log
