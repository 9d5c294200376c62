"""Processes are killed with -9 at random moments: nothing is lost, and everything is done exactly once."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from streams.job import Queue
from streams.message import Received
from streams.wire.facts import encode_event
from tests.support.builders.messages import a_fact
from tests.support.line import Line
from tests.support.started import Started
from tests.support.waiting import time_passes, wait_until
from treadle.dev import practice

COOP = "killed_consumers"
LAPSED = 200
CONSUMERS_KILLED = 5
FACTS = 1_200
AGENTS_KILLED = 2
LAPSED_POLLS = "SELECT id FROM polls WHERE closed_at IS NULL AND discarded_at IS NULL AND closing_at < now()"
EXPIRED = "SELECT id, eventable_id FROM events WHERE kind = 'poll_expired'"
SHOP = """
from collections.abc import Iterator

from treadle import Event, Job, on_event

class Greet(Job, kind="shop.greet", key="greet:{number}"):
    number: int
    politely: bool = False

@on_event("shop_opened")
def greet(event: Event) -> Iterator[Job]:
    yield Greet(number=event.id)
    yield Greet(number=event.id, politely=True)
"""


@pytest.fixture
def coop(postgres_url: str) -> Iterator[str]:
    practice.drop(postgres_url, COOP)
    size = practice.SIZES["tiny"].with_lapsed(LAPSED)
    url = practice.create(postgres_url, COOP, size=size, now=datetime.now(UTC))
    yield url.replace("+psycopg", "")
    practice.drop(postgres_url, COOP)


def test_killed_consumers_close_every_poll_exactly_once(line: Line, coop: str, chance: random.Random) -> None:
    line.settings["DATABASE"] = coop
    lapsed = {row[0] for row in rows(coop, LAPSED_POLLS)}
    assert line.treadle("enqueue", "polls.find_expired").returncode == 0

    killed_while_busy = 0
    for _ in range(CONSUMERS_KILLED):
        before = closed(coop)
        consumer = start_consumer(line)
        wait_until(lambda: closed(coop) > before or done(line), what="a poll has been closed")  # noqa: B023
        time_passes(consumer, chance.uniform(0, 0.3))
        line.end(consumer, signal.SIGKILL)
        killed_while_busy += before < closed(coop) < len(lapsed)
    consumer = start_consumer(line)
    wait_until(lambda: done(line), within=60, what="every job has been committed")
    assert line.end(consumer) == 0

    print(f"killed while polls were closing: {killed_while_busy} of {CONSUMERS_KILLED}")
    assert killed_while_busy
    assert line.sent("jobs.dead") == []
    assert rows(coop, LAPSED_POLLS) == []
    expired = [(event, poll) for event, poll in rows(coop, EXPIRED) if poll in lapsed]
    assert Counter(poll for _, poll in expired) == Counter(lapsed)
    jobs = {job_id(message) for queue in Queue for message in line.sent(f"jobs.{queue}")}
    recorded = {row[0] for row in rows(coop, "SELECT job_id FROM treadle.done")}
    assert recorded == jobs
    assert len(jobs) == 1 + 3 * len(lapsed)
    published = {int(dict(message.headers)["ce_id"]) for message in line.sent("loomio.events")}
    assert published == {event for event, _ in expired}


def test_killed_agents_answer_every_fact(line: Line, chance: random.Random) -> None:
    Path(line.folder, "shop_jobs.py").write_text(SHOP)
    line.settings["WORKERS"] = "shop_jobs"
    facts = [encode_event(a_fact(id=n, kind="shop_opened", group_id=n % 50)) for n in range(FACTS)]
    line.send(facts)

    killed_while_busy = 0
    for _ in range(AGENTS_KILLED):
        before = len(line.sent("jobs.default"))
        agents = line.start("agents")
        wait_until(lambda: len(line.sent("jobs.default")) > before, what="a fact has been answered")  # noqa: B023
        time_passes(agents, chance.uniform(0, 0.4))
        line.kill(agents)
        killed_while_busy += not heard(line)
    agents = line.start("agents")
    wait_until(lambda: heard(line), within=60, what="every fact has been committed")
    assert line.end(agents) == 0

    print(f"killed while facts were answered: {killed_while_busy} of {AGENTS_KILLED}")
    assert killed_while_busy
    ids: dict[bytes | None, set[str]] = {}
    for message in line.sent("jobs.default"):
        ids.setdefault(message.value, set()).add(job_id(message))
    assert set(ids) == {b'{"number":%d}' % n for n in range(FACTS)} | {
        b'{"number":%d,"politely":true}' % n for n in range(FACTS)
    }
    assert {len(of_one_job) for of_one_job in ids.values()} == {1}
    assert len(set().union(*ids.values())) == 2 * FACTS


def start_consumer(line: Line) -> Started:
    """Start one under the name of the killed one, so that Kafka gives it the partitions immediately."""
    return line.start("consumer", KAFKA_GROUP_INSTANCE_ID="one")


def done(line: Line) -> bool:
    return line.unfinished(*Queue) == 0


def heard(line: Line) -> bool:
    return line.lag("treadle.agents") == 0


def closed(coop: str) -> int:
    ((count,),) = rows(coop, "SELECT count(*) FROM treadle.done WHERE kind = 'polls.close'")
    return int(count)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as db:
        return db.execute(query.encode()).fetchall()


def job_id(message: Received) -> str:
    return dict(message.headers)["ce_id"].decode()
