"""The agents process: a fact counts as heard once Kafka has acknowledged what follows from it."""

from pathlib import Path

import pytest

from streams.message import Message
from streams.wire.facts import encode_event, encode_tick
from tests.support.builders.messages import a_fact, a_tick
from tests.support.line import Line
from tests.support.waiting import wait_until

SHOP = """
from collections.abc import Iterator

from treadle import Event, Job, on_event

class Greet(Job, kind="shop.greet"):
    text: str

@on_event("shop_opened")
def greet(event: Event) -> Iterator[Job]:
    yield Greet(text="a" * event.eventable_id)

@on_event("shop_closed")
def fail(event: Event) -> Iterator[Job]:
    raise LookupError("no one there")
"""


@pytest.fixture
def shop(line: Line) -> Line:
    Path(line.folder, "shop_jobs.py").write_text(SHOP)
    line.settings["WORKERS"] = "shop_jobs"
    return line


def produce(line: Line, *messages: Message) -> None:
    line.send(messages)


def heard(line: Line) -> bool:
    return line.lag("treadle.agents") == 0


def test_facts_become_jobs_and_an_unreadable_one_becomes_a_dead_letter(shop: Line) -> None:
    agents = shop.start("agents", fresh=True)

    produce(
        shop,
        encode_tick(a_tick()),
        encode_event(a_fact(kind="shop_opened", eventable_id=3)),
        encode_event(a_fact(kind="shop_closed")),
        Message("loomio.events", b"k", b"hello", [("x", b"\x00")]),
    )
    wait_until(lambda: heard(shop), what="every fact has been heard")

    jobs = {dict(message.headers)["ce_type"]: message for message in shop.sent("jobs.default")}
    assert set(jobs) == {b"polls.find_expired", b"shop.greet", b"agents.react"}
    assert jobs[b"shop.greet"].value == b'{"text":"aaa"}'
    (dead_letter,) = shop.sent("jobs.dead")
    assert (dead_letter.key, dead_letter.value, dead_letter.headers[0]) == (b"k", b"hello", ("x", b"\x00"))
    assert shop.end(agents) == 0


def test_a_fact_whose_jobs_are_not_acknowledged_is_heard_again(shop: Line) -> None:
    """A job that the producer refuses for its size stands for one that Kafka does not acknowledge."""
    agents = shop.start("agents", KAFKA_MESSAGE_MAX_BYTES="1000")
    produce(shop, encode_event(a_fact(kind="shop_opened", eventable_id=2_000)))

    code = agents.wait(40)

    assert code != 0
    assert "reaction_not_delivered" in shop.log
    assert not heard(shop)
    another = shop.start("agents")
    wait_until(lambda: heard(shop), what="another process has heard it")
    (job,) = shop.sent("jobs.default")
    assert job.value == b'{"text":"' + b"a" * 2_000 + b'"}'
    assert shop.end(another) == 0
