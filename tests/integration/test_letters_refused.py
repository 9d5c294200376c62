"""A dead-letter topic that is missing or full, and homes that take nothing back: nothing is lost, all goes on later."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import Mock

import pytest
from confluent_kafka import Producer as KafkaProducer
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from streams.dead import failure_of
from streams.job import Queue
from streams.message import HEADERS_LOST, Message
from streams.topics import AUDIT, DEAD
from tests.support.brokers import a_broker
from tests.support.commands import Commands
from tests.support.desk import CLOSE, Desk
from tests.support.line import Line, a_line
from tests.support.planned import PLANNED, ROOT
from tests.support.topics import Topics, looking_into
from tests.support.waiting import wait_until

MISSING = "the topic does not exist. `treadle topics apply` makes it."
GONE = "it is gone, or has fewer partitions than topics.yaml plans. `treadle topics apply` makes what is missing."
FULL = "the message is larger than the topic's max.message.bytes. `treadle topics plan` says whether that is"


@dataclass
class Harm:
    """Does harm to topics of a broker that is ours alone, and makes good."""

    line: Line
    admin: AdminClient = field(init=False)

    def __post_init__(self) -> None:
        self.admin = self.line.topics.admin

    def delete(self, topic: str) -> None:
        self.admin.delete_topics([topic])[topic].result()
        wait_until(lambda: topic not in self.admin.list_topics(timeout=10).topics, told=f"{topic} is gone")

    def fill(self, topic: str) -> None:
        """Have it refuse all that is larger than nothing."""
        wanted = ConfigEntry("max.message.bytes", "50", incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[wanted])
        self.admin.incremental_alter_configs([resource])[resource].result()

    def make_good(self) -> None:
        """As `treadle topics apply` does it. A topic that is made anew begins at 0."""
        there = self.admin.list_topics(timeout=10).topics
        for topic in set(PLANNED.by_name) - set(there):
            self.line.begin |= {place: 0 for place in self.line.begin if place[0] == topic}
        self.line.topics.make()


@pytest.fixture(scope="module")
def topics_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topics]:
    folder = tmp_path_factory.mktemp("broker") / "stack"
    with a_broker(folder) as stack, looking_into(stack.kafka) as topics:
        yield topics


@pytest.fixture
def shop(topics_alone: Topics, commands: Commands, tmp_path: Path) -> Iterator[Line]:
    topics_alone.make()
    with a_line(topics_alone, commands, tmp_path) as line:
        shutil.copy(ROOT / "tests/support/shops/retry_jobs.py", line.folder)
        line.settings["WORKERS"] = "retry_jobs"
        yield line


@pytest.fixture
def harm(shop: Line) -> Iterator[Harm]:
    harm = Harm(shop)
    yield harm
    harm.make_good()


@pytest.fixture
def desk(shop: Line, fresh_database: str) -> Desk:
    return Desk(shop, fresh_database)


def enqueue(shop: Line, kind: str) -> str:
    done = shop.treadle("enqueue", kind)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def dead(shop: Line) -> list[str]:
    """Ids of those who lie on `jobs.dead`."""
    return [dict(letter.headers)["ce_id"].decode() for letter in shop.sent(DEAD)]


def test_a_missing_dead_letter_topic_stops_the_consumer_and_the_next_writes_the_letter(
    shop: Line, harm: Harm
) -> None:
    harm.delete(DEAD)
    first = shop.start("consumer", "--queues", "low")
    job = enqueue(shop, "retry.never")

    assert first.wait(60) == 1
    assert f"treadle: Kafka did not take a message for jobs.dead: {MISSING}" in shop.log
    assert shop.unfinished(Queue.LOW) == 1

    harm.make_good()
    second = shop.start("consumer", "--queues", "low")
    wait_until(lambda: dead(shop) == [job], told="the letter is there")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, told="the job is finished")
    assert shop.end(second) == 0
    assert shop.log.count('"attempt_failed"') == 2


@pytest.mark.parametrize(("way", "told"), [("delete", GONE), ("fill", FULL)])
def test_a_topic_that_takes_no_letters_any_more_stops_the_consumer_at_work(
    shop: Line, harm: Harm, way: str, told: str
) -> None:
    first = shop.start("consumer", "--queues", "low")
    enqueue(shop, "retry.never")
    wait_until(lambda: len(dead(shop)) == 1, told="one is written")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, told="and finished")

    getattr(harm, way)(DEAD)
    job = enqueue(shop, "retry.never")
    assert first.wait(60) == 1
    assert f"Kafka did not take a message for jobs.dead: {told}" in shop.log
    assert shop.unfinished(Queue.LOW) == 1

    harm.make_good()
    second = shop.start("consumer", "--queues", "low")
    wait_until(lambda: job in dead(shop), told="the letter is there")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, told="the job is finished")
    assert shop.end(second) == 0
    assert dead(shop).count(job) == 1


def test_what_is_small_only_when_compressed_becomes_a_letter_like_any_other(shop: Line) -> None:
    """A topic's limit counts what is compressed, so a topic may hold what is much larger."""
    value = b'{"text":"%s"}' % (b"co-operative " * 500_000)
    there = KafkaProducer(
        {"bootstrap.servers": shop.kafka, "compression.type": "zstd", "message.max.bytes": 10_000_000}
    )
    there.produce("jobs.low", value, headers=[("ce_id", b"large"), ("ce_type", b"retry.never")])
    assert there.flush(30) == 0

    consumer = shop.start("consumer", "--queues", "low")
    wait_until(lambda: dead(shop) == ["large"], told="the letter is there")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, told="the job is finished")

    assert shop.end(consumer) == 0
    (found,) = shop.sent(DEAD)
    assert found.value == value
    assert (failure_of(found) or Mock()).message.startswith("the arguments have 6,500,011 bytes")


def test_a_message_with_a_header_name_that_is_no_text_is_a_letter_that_says_so(shop: Line) -> None:
    command = [sys.executable, "-m", "tests.support.foreign", shop.kafka, "jobs.low"]
    subprocess.run(command, cwd=ROOT, env=shop.environment() | {"AIOKAFKA_NO_EXTENSIONS": "1"}, check=True)
    job = enqueue(shop, "retry.never")

    consumer = shop.start("consumer", "--queues", "low")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, told="both jobs are finished")

    assert shop.end(consumer) == 0
    letters = {letter.value: dict(letter.headers) for letter in shop.sent(DEAD)}
    assert b"can't decode byte 0xff" in (letters[b'{"left": "alone"}'][HEADERS_LOST] or b"")
    assert letters[b"{}"]["ce_id"] == job.encode()


def test_a_letter_that_is_refused_stops_the_retries_too(shop: Line, harm: Harm) -> None:
    harm.fill(DEAD)
    shop.send([Message("retry.1s", None, b"[]", [("ce_id", b"lost")], partition=0)])

    assert shop.start("retries").wait(60) == 1
    assert f"Kafka did not take a message for jobs.dead: {FULL}" in shop.log
    assert (shop.waiting, dead(shop)) == (1, [])

    harm.make_good()
    second = shop.start("retries")
    wait_until(lambda: shop.waiting == 0, told="it has gone on")
    assert shop.end(second) == 0
    assert dead(shop) == ["lost"]
    assert [failure.why for letter in shop.sent(DEAD) if (failure := failure_of(letter))] == [
        "it has no home"
    ]


@pytest.mark.parametrize(("way", "told"), [("delete", MISSING), ("fill", FULL)])
def test_letters_stay_dead_when_their_home_refuses_them(desk: Desk, harm: Harm, way: str, told: str) -> None:
    jobs = desk.die(CLOSE, CLOSE)
    getattr(harm, way)("jobs.default")

    said = desk.run("retry", "--all", "--yes", code=1)

    assert f"treadle: Kafka did not take a message for jobs.default: {told}" in said
    assert {row["job"] for row in desk.table()} == set(jobs)
    assert desk.line.sent(AUDIT) == []

    harm.make_good()
    assert "2 of 2 letters sent home" in desk.run("retry", "--all", "--yes")
    home = [dict(message.headers)["ce_id"].decode() for message in desk.line.sent("jobs.default")]
    assert sorted(home) == sorted(jobs)
    assert desk.table() == []


def test_what_one_home_takes_is_not_sent_again_because_another_refuses(desk: Desk, harm: Harm) -> None:
    jobs = desk.die(CLOSE, CLOSE) + desk.die(CLOSE, CLOSE, treadle_queue=b"high")
    harm.fill("jobs.high")

    desk.run("retry", "--all", "--yes", code=1)
    harm.make_good()
    desk.run("retry", "--all", "--yes")

    home = desk.line.sent("jobs.default", "jobs.high")
    assert sorted(dict(message.headers)["ce_id"].decode() for message in home) == sorted(jobs)
    assert desk.table() == []


def test_nothing_goes_home_without_a_topic_for_the_audit(desk: Desk, harm: Harm) -> None:
    jobs = desk.die(CLOSE)
    harm.delete(AUDIT)

    said = desk.run("retry", "--all", "--yes", code=1)

    assert "treadle topics apply" in said
    assert desk.line.sent("jobs.default") == []
    harm.make_good()
    assert "the topic was made anew" in desk.run("list", code=1)
    desk.run("rebuild")
    assert [row["job"] for row in desk.table(*jobs)] == jobs
