"""A consumer process: no job is lost, and only a message that it cannot write stops it."""

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.headers import FAILURE
from streams.job import Queue
from streams.message import Message, Received
from streams.wire.failure import failure_of
from tests.support.line import Line
from tests.support.waiting import wait_until

SHOP = """
import sys
import time
from pathlib import Path

from treadle import NO_RETRIES, Context, Discard, Job, Queue, worker

class Greet(Job, kind="shop.greet", queue=Queue.LOW):
    name: str

@worker(Greet)
def greet(job: Greet, ctx: Context) -> None:
    print("hello", job.name)

class Wait(Job, kind="shop.wait", queue=Queue.LOW):
    for_file: str

@worker(Wait)
def wait(job: Wait, ctx: Context) -> None:
    print("begun")
    while not Path(job.for_file).exists():
        time.sleep(0.01)
    ctx.enqueue(Greet(name="after " + job.for_file))
    print("ended")

class Fail(Job, kind="shop.fail", queue=Queue.LOW, policy=NO_RETRIES):
    how: str

@worker(Fail)
def fail(job: Fail, ctx: Context) -> None:
    if job.how == "exit":
        sys.exit(3)
    if job.how == "discard":
        raise Discard("no longer needed")
    raise LookupError("no such thing")
"""
LONG = b"x" * 3_000
BAD = st.builds(
    Message,
    topic=st.sampled_from(["jobs.low", "jobs.high"]),
    key=st.none() | st.binary(min_size=1, max_size=8),
    value=st.none() | st.binary(max_size=40).map(lambda raw: b"x" + raw) | st.just(b'{"nam": 1}'),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["ce_type", "ce_id", "x", "treadle_attempt"]), st.none() | st.binary(max_size=12)
        ),
        max_size=4,
    ).map(lambda some: [*some, ("ce_type", b"shop.greet")]),
    partition=st.none(),
)


@pytest.fixture
def shop(line: Line) -> Line:
    """A line with the workers of a shop, in a folder outside the project."""
    Path(line.folder, "shop_jobs.py").write_text(SHOP)
    line.settings["WORKERS"] = "shop_jobs"
    return line


def enqueue(line: Line, *jobs: tuple[str, dict[str, str]]) -> list[str]:
    text = "".join(json.dumps({"kind": kind, "args": args}) + "\n" for kind, args in jobs)
    done = line.treadle("enqueue", "-", stdin=text)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def produce(line: Line, messages: list[Message]) -> None:
    line.send(messages)


def test_jobs_of_a_shop_are_performed_once_each(shop: Line) -> None:
    names = [f"person {number}" for number in range(3_000)]
    consumer = shop.start("consumer", fresh=True)

    enqueue(shop, *(("shop.greet", {"name": name}) for name in names))
    wait_until(lambda: len(shop.out) >= len(names), what="everyone is greeted")

    assert shop.end(consumer) == 0
    assert Counter(shop.out) == Counter(f"hello {name}" for name in names)
    assert shop.unfinished(Queue.LOW) == 0


def test_the_outcome_of_every_job_is_reported(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low")
    jobs = [
        ("shop.greet", {"name": "Ada"}),
        *(("shop.fail", {"how": how}) for how in ("exit", "discard", "raise")),
    ]

    ids = enqueue(shop, *jobs)
    wait_until(lambda: len(reported(shop)) == 4, what="four outcomes are reported")

    assert shop.end(consumer) == 0
    found = reported(shop)
    assert [found[id_][4] for id_ in ids] == ["succeeded", "dead", "discarded", "dead"]
    assert [found[id_][7] for id_ in ids] == [
        "",
        "SystemExit: 3",
        "no longer needed",
        "LookupError: no such thing",
    ]
    dead_letters = shop.sent("jobs.dead")
    assert {dict(each.headers)["ce_id"].decode() for each in dead_letters} == {ids[1], ids[3]}


def reported(line: Line) -> dict[str, list[Any]]:
    batches = [json.loads(message.value or b"") for message in line.sent("jobs.lifecycle")]
    return {done[0]: done for batch in batches for done in batch["finished"]}


def test_sigterm_lets_a_job_in_flight_finish_and_starts_no_new_one(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", "--slots", "1")
    enqueue(shop, ("shop.wait", {"for_file": "go"}))
    wait_until(lambda: shop.out == ["begun"], what="the job has begun")

    consumer.send_signal(signal.SIGTERM)
    enqueue(shop, ("shop.greet", {"name": "Late"}))
    still_running = consumer.poll() is None
    Path(shop.folder, "go").touch()

    assert consumer.wait(20) == 0
    assert still_running
    assert shop.out == ["begun", "ended"]
    assert shop.unfinished(Queue.LOW) == 2  # the follow-up, and the job that arrived late
    another = shop.start("consumer", "--queues", "low")
    wait_until(lambda: len(shop.out) == 4, what="another process has performed them")
    assert sorted(shop.out[2:]) == ["hello Late", "hello after go"]
    assert shop.end(another) == 0


def test_malformed_messages_become_dead_letters_byte_for_byte_and_the_consumer_goes_on(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low,high")
    known: set[tuple[int, int]] = set()

    def new_dead_letters() -> list[Received]:
        return [m for m in shop.sent("jobs.dead") if (m.partition, m.offset) not in known]

    @given(bad=st.lists(BAD, min_size=15, max_size=40))
    @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
    def bury(bad: list[Message]) -> None:
        produce(shop, bad)
        wait_until(lambda: len(new_dead_letters()) >= len(bad), what="all are dead letters")

        found = new_dead_letters()
        assert Counter(map(as_sent, found)) == Counter((m.key, m.value, tuple(m.headers)) for m in bad)
        assert all(reason_of(each) for each in found)
        known.update((each.partition, each.offset) for each in found)

    bury()
    enqueue(shop, ("shop.greet", {"name": "Ada"}))

    wait_until(lambda: shop.out == ["hello Ada"], what="the next job is performed")
    assert shop.end(consumer) == 0
    assert shop.unfinished(Queue.LOW, Queue.HIGH) == 0


def as_sent(dead_letter: Received) -> tuple[Any, ...]:
    headers = tuple(header for header in dead_letter.headers if header[0] != FAILURE)
    return dead_letter.key, dead_letter.value, headers


def reason_of(dead_letter: Received) -> str:
    why = failure_of(dead_letter)
    return why.message if why else ""


def test_a_dead_letter_that_cannot_be_written_stops_the_process_before_it_commits(shop: Line) -> None:
    consumer = shop.start("consumer", "--queues", "low", KAFKA_MESSAGE_MAX_BYTES="1000")

    produce(shop, [Message("jobs.low", None, LONG, [])])
    code = consumer.wait(30)

    assert code == 1
    assert "treadle: Kafka did not accept a message for" in shop.log
    assert shop.sent("jobs.dead") == []
    assert shop.unfinished(Queue.LOW) == 1
    another = shop.start("consumer", "--queues", "low")
    wait_until(lambda: shop.sent("jobs.dead"), what="the dead letter is written")
    assert shop.end(another) == 0
    assert [each.value for each in shop.sent("jobs.dead")] == [LONG]
    assert shop.unfinished(Queue.LOW) == 0
