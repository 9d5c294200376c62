"""The agents' reactions to a fact, as messages."""

from collections.abc import Iterator

import msgspec
import pytest

from consumers.attempt.transactions import NoDatabase
from consumers.context import Context, Services
from consumers.workers.agents import react
from streams.agent import Agents
from streams.envelope import Envelope, children
from streams.event import Event
from streams.faust.reactions import reactions
from streams.job import Job, Kinds, kind_of
from streams.jobs.agents import React
from streams.message import Message, Received
from streams.tick import Tick
from streams.wire.facts import encode_event, encode_tick
from streams.wire.failure import failure_of
from streams.wire.jobs import decode_job
from tests.support.builders.messages import NOW, Count, Greet, a_fact, a_tick
from tests.unit.streams.received import as_received

KINDS = Kinds([kind_of(kind) for kind in (Greet, Count, React)])


def envelopes(messages: list[Message]) -> list[Envelope]:
    return [decode_job(as_received(message), KINDS) for message in messages]


def some_agents(*, broken: bool) -> Agents:
    """Two agents that hear `poll_expired`; the first fails when it is broken."""
    agents = Agents()

    @agents.on_event("poll_expired", "poll_created")
    def greet_all(event: Event) -> Iterator[Job]:
        yield Greet("Ada")
        if broken:
            raise LookupError("no Bob")
        yield Greet("Bob")

    @agents.on_event("poll_expired")
    def count_up(event: Event) -> Iterator[Job]:
        yield Count(event.eventable_id)

    return agents


def test_every_agent_that_hears_a_fact_reacts_in_order() -> None:
    answered = envelopes(reactions(some_agents(broken=False), as_received(encode_event(a_fact())), NOW))

    assert [envelope.job for envelope in answered] == [Greet("Ada"), Greet("Bob"), Count(42)]
    assert [envelope.source for envelope in answered] == [
        "/treadle/agents/greet_all",
        "/treadle/agents/greet_all",
        "/treadle/agents/count_up",
    ]


def test_a_fact_that_no_agent_hears_leads_to_nothing() -> None:
    other = encode_event(a_fact(kind="user_mentioned"))

    assert reactions(some_agents(broken=False), as_received(other), NOW) == []


def test_a_fact_that_is_received_twice_leads_to_the_same_ids() -> None:
    fact = encode_event(a_fact())

    once = reactions(some_agents(broken=False), as_received(fact, offset=3), NOW)
    twice = reactions(some_agents(broken=False), as_received(fact, offset=99), NOW.replace(year=2030))

    assert [each.id for each in envelopes(once)] == [each.id for each in envelopes(twice)]


def test_another_fact_leads_to_other_ids() -> None:
    agents = some_agents(broken=False)

    one = envelopes(reactions(agents, as_received(encode_event(a_fact(id=31))), NOW))
    other = envelopes(reactions(agents, as_received(encode_event(a_fact(id=32))), NOW))

    assert not {each.id for each in one} & {each.id for each in other}


def test_an_agent_that_fails_becomes_a_job_and_the_others_still_answer() -> None:
    again, count = envelopes(reactions(some_agents(broken=True), as_received(encode_event(a_fact())), NOW))

    assert isinstance(again.job, React)
    assert (again.job.agent, again.job.topic) == ("greet_all", "loomio.events")
    assert count.job == Count(42)


def test_the_job_of_a_failed_agent_leads_to_the_ids_of_a_good_reaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fact = as_received(encode_event(a_fact()))
    good = envelopes(reactions(some_agents(broken=False), fact, NOW))
    again, _ = envelopes(reactions(some_agents(broken=True), fact, NOW))
    monkeypatch.setattr("consumers.workers.agents.declared", some_agents(broken=False))
    ctx = Context(job_id=again.id, kind="agents.react", attempt=1, now=NOW, services=Services(NoDatabase()))

    assert isinstance(again.job, React)
    react(again.job, ctx)

    late = children(ctx.jobs, of=ctx.job_id, source="/treadle/jobs/agents.react", now=NOW)
    assert [(each.id, each.job) for each, _ in late] == [(each.id, each.job) for each in good[:2]]


@pytest.mark.parametrize(
    "message", [encode_event(a_fact(custom_fields={"a": [None, 1.5]})), encode_tick(a_tick())]
)
def test_a_job_of_a_failed_agent_carries_the_whole_fact(message: Message) -> None:
    agents = Agents()

    @agents.on_event("poll_expired")
    def fail(event: Event) -> Iterator[Job]:
        raise LookupError

    @agents.on_tick("polls.close_expired")
    def fail_too(tick: Tick) -> Iterator[Job]:
        raise LookupError

    (again,) = envelopes(reactions(agents, as_received(message), NOW))

    assert isinstance(again.job, React)
    assert msgspec.json.encode(again.job.fact) == message.value


@pytest.mark.parametrize("value", [b"hello", b"{}", b"\xff", None, b'{"id": "x"}'])
@pytest.mark.parametrize("topic", ["loomio.events", "treadle.ticks"])
def test_a_fact_that_cannot_be_read_is_a_dead_letter(topic: str, value: bytes | None) -> None:
    strange = Received(topic, 4, 17, b"key", value, [("x", b"\x00")], 0)

    (dead,) = reactions(some_agents(broken=False), strange, NOW)

    assert (dead.topic, dead.key, dead.value) == ("jobs.dead", b"key", value)
    assert dead.headers[0] == ("x", b"\x00")
    failure = failure_of(as_received(dead))
    assert failure is not None
    assert (failure.error, failure.topic, failure.partition, failure.offset) == ("BadMessage", topic, 4, 17)
    assert "can be read from this message" in failure.message


def test_a_reaction_that_is_too_large_does_not_stop_the_agents() -> None:
    agents = Agents()

    @agents.on_event("poll_expired")
    def shout(event: Event) -> Iterator[Job]:
        yield Greet("x" * 2_000_000)

    (again,) = envelopes(reactions(agents, as_received(encode_event(a_fact())), NOW))

    assert isinstance(again.job, React)


def test_a_fact_too_large_for_a_job_is_a_dead_letter_when_its_agent_fails() -> None:
    large = encode_event(a_fact(custom_fields={"text": "x" * 1_100_000}))

    dead, count = reactions(some_agents(broken=True), as_received(large), NOW)

    assert (dead.topic, dead.value) == ("jobs.dead", large.value)
    assert count.topic == "jobs.default"
