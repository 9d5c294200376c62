"""A dead-letter topic that is missing or full, and queues that refuse what is sent back: nothing is lost."""

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

from streams.headers import HEADERS_LOST, ID, QUEUE, by_name, text_of
from streams.job import Queue
from streams.message import Message
from streams.topics import AUDIT, DEAD
from streams.wire.failure import failure_of
from tests.support.brokers import a_broker
from tests.support.commands import Commands
from tests.support.dead_letters import CLOSE, DeadLetters
from tests.support.line import Line, a_line
from tests.support.planned import PLANNED, ROOT
from tests.support.topics import Topics, looking_into
from tests.support.waiting import wait_until

MISSING = "the topic does not exist. `treadle topics apply` creates it."
GONE = "it is gone, or has fewer partitions than topics.yaml says. `treadle topics apply` creates what is missing."
FULL = "the message is larger than the topic's max.message.bytes. `treadle topics plan` shows whether that is"


@dataclass
class Damage:
    """Damages topics of a broker that only this file uses, and repairs them."""

    line: Line
    admin: AdminClient = field(init=False)

    def __post_init__(self) -> None:
        self.admin = self.line.topics.admin

    def delete(self, topic: str) -> None:
        self.admin.delete_topics([topic])[topic].result()
        wait_until(lambda: topic not in self.admin.list_topics(timeout=10).topics, what=f"{topic} is gone")

    def fill(self, topic: str) -> None:
        """Make it refuse all but tiny messages."""
        wanted = ConfigEntry("max.message.bytes", "50", incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[wanted])
        self.admin.incremental_alter_configs([resource])[resource].result()

    def repair(self) -> None:
        """As `treadle topics apply` does. A topic that is recreated begins at 0."""
        existing = self.admin.list_topics(timeout=10).topics
        for topic in set(PLANNED.by_name) - set(existing):
            self.line.begin |= {partition: 0 for partition in self.line.begin if partition[0] == topic}
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
def damage(shop: Line) -> Iterator[Damage]:
    damage = Damage(shop)
    yield damage
    damage.repair()


@pytest.fixture
def dead_letters(shop: Line, fresh_database: str) -> DeadLetters:
    return DeadLetters(shop, fresh_database)


def enqueue(shop: Line, kind: str) -> str:
    done = shop.treadle("enqueue", kind)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def dead(shop: Line) -> list[str]:
    """The ids of the jobs on `jobs.dead`."""
    return [text_of(each.headers, ID) for each in shop.sent(DEAD)]


def test_a_missing_dead_letter_topic_stops_the_consumer_and_the_next_one_writes_to_it(
    shop: Line, damage: Damage
) -> None:
    damage.delete(DEAD)
    first = shop.start("consumer", "--queues", "low")
    job = enqueue(shop, "retry.never")

    assert first.wait(60) == 1
    assert f"treadle: Kafka did not accept a message for jobs.dead: {MISSING}" in shop.log
    assert shop.unfinished(Queue.LOW) == 1

    damage.repair()
    second = shop.start("consumer", "--queues", "low")
    wait_until(lambda: dead(shop) == [job], what="the dead letter is written")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="the job is finished")
    assert shop.end(second) == 0
    assert shop.log.count('"attempt_failed"') == 2


@pytest.mark.parametrize(("way", "reason"), [("delete", GONE), ("fill", FULL)])
def test_a_topic_that_refuses_more_dead_letters_stops_a_running_consumer(
    shop: Line, damage: Damage, way: str, reason: str
) -> None:
    first = shop.start("consumer", "--queues", "low")
    enqueue(shop, "retry.never")
    wait_until(lambda: len(dead(shop)) == 1, what="one is written")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="its job is finished")

    getattr(damage, way)(DEAD)
    job = enqueue(shop, "retry.never")
    assert first.wait(60) == 1
    assert f"Kafka did not accept a message for jobs.dead: {reason}" in shop.log
    assert shop.unfinished(Queue.LOW) == 1

    damage.repair()
    second = shop.start("consumer", "--queues", "low")
    wait_until(lambda: job in dead(shop), what="the dead letter is written")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="the job is finished")
    assert shop.end(second) == 0
    assert dead(shop).count(job) == 1


def test_a_job_that_is_small_only_when_compressed_becomes_a_dead_letter_like_any_other(shop: Line) -> None:
    """A topic's limit counts compressed bytes, so a topic may hold messages that are much larger."""
    value = b'{"text":"%s"}' % (b"co-operative " * 500_000)
    producer = KafkaProducer(
        {"bootstrap.servers": shop.kafka, "compression.type": "zstd", "message.max.bytes": 10_000_000}
    )
    producer.produce("jobs.low", value, headers=[("ce_id", b"large"), ("ce_type", b"retry.never")])
    assert producer.flush(30) == 0

    consumer = shop.start("consumer", "--queues", "low")
    wait_until(lambda: dead(shop) == ["large"], what="the dead letter is written")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="the job is finished")

    assert shop.end(consumer) == 0
    (found,) = shop.sent(DEAD)
    assert found.value == value
    assert (failure_of(found) or Mock()).message.startswith("the arguments have 6,500,011 bytes")


def test_a_message_with_a_header_name_that_is_not_utf_8_becomes_a_dead_letter_that_says_so(
    shop: Line,
) -> None:
    command = [sys.executable, "-m", "tests.support.foreign", shop.kafka, "jobs.low"]
    subprocess.run(command, cwd=ROOT, env=shop.environment() | {"AIOKAFKA_NO_EXTENSIONS": "1"}, check=True)
    job = enqueue(shop, "retry.never")

    consumer = shop.start("consumer", "--queues", "low")
    wait_until(lambda: shop.unfinished(Queue.LOW) == 0, what="both jobs are finished")

    assert shop.end(consumer) == 0
    headers = {each.value: by_name(each.headers) for each in shop.sent(DEAD)}
    assert b"can't decode byte 0xff" in (headers[b'{"left": "alone"}'][HEADERS_LOST] or b"")
    assert headers[b"{}"][ID] == job.encode()


def test_a_dead_letter_that_is_refused_stops_the_retries_process_too(shop: Line, damage: Damage) -> None:
    damage.fill(DEAD)
    shop.send([Message("retry.1s", None, b"[]", [(ID, b"lost")], partition=0)])

    assert shop.start("retries").wait(60) == 1
    assert f"Kafka did not accept a message for jobs.dead: {FULL}" in shop.log
    assert (shop.waiting, dead(shop)) == (1, [])

    damage.repair()
    second = shop.start("retries")
    wait_until(lambda: shop.waiting == 0, what="it no longer waits")
    assert shop.end(second) == 0
    assert dead(shop) == ["lost"]
    assert [found.why for each in shop.sent(DEAD) if (found := failure_of(each))] == [
        "it does not name its queue"
    ]


@pytest.mark.parametrize(("way", "reason"), [("delete", MISSING), ("fill", FULL)])
def test_dead_letters_stay_when_their_queue_refuses_them(
    dead_letters: DeadLetters, damage: Damage, way: str, reason: str
) -> None:
    jobs = dead_letters.add(CLOSE, CLOSE)
    getattr(damage, way)("jobs.default")

    output = dead_letters.run("retry", "--all", "--yes", code=1)

    assert f"treadle: Kafka did not accept a message for jobs.default: {reason}" in output
    assert {row["job"] for row in dead_letters.listed()} == set(jobs)
    assert dead_letters.line.sent(AUDIT) == []

    damage.repair()
    assert "2 of 2 dead letters sent back" in dead_letters.run("retry", "--all", "--yes")
    assert sorted(dead_letters.sent_back()) == sorted(jobs)
    assert dead_letters.listed() == []


def test_what_one_queue_accepted_is_not_sent_again_because_another_refused(
    dead_letters: DeadLetters, damage: Damage
) -> None:
    jobs = dead_letters.add(CLOSE, CLOSE) + dead_letters.add(CLOSE, CLOSE, headers={QUEUE: b"high"})
    damage.fill("jobs.high")

    dead_letters.run("retry", "--all", "--yes", code=1)
    damage.repair()
    dead_letters.run("retry", "--all", "--yes")

    assert sorted(dead_letters.sent_back("jobs.default", "jobs.high")) == sorted(jobs)
    assert dead_letters.listed() == []


def test_nothing_is_sent_back_without_an_audit_topic(dead_letters: DeadLetters, damage: Damage) -> None:
    jobs = dead_letters.add(CLOSE)
    damage.delete(AUDIT)

    output = dead_letters.run("retry", "--all", "--yes", code=1)

    assert "treadle topics apply" in output
    assert dead_letters.sent_back() == []
    damage.repair()
    assert "the topic was deleted and recreated" in dead_letters.run("list", code=1)
    dead_letters.run("rebuild")
    assert [row["job"] for row in dead_letters.listed(*jobs)] == jobs
