"""What the agents answer to a fact, as messages."""

from collections.abc import Iterator

import msgspec
import pytest

from consumers.context import Context
from consumers.once import NoDatabase
from consumers.workers.agents import react
from streams.agent import Agents, declared
from streams.agents.polls import close_expired_polls
from streams.codec import decode_job, encode_event, encode_tick
from streams.dead import failure_of
from streams.envelope import Envelope, children
from streams.errors import ConfigError
from streams.event import Event
from streams.job import Job, Kinds, kind_of
from streams.jobs.agents import React
from streams.jobs.polls import FindExpiredPolls
from streams.message import Message, Received
from streams.reactions import reactions
from streams.tick import Tick
from tests.support.builders.messages import NOW, Count, Greet, a_fact, a_tick

KINDS = Kinds([kind_of(kind) for kind in (Greet, Count, React, FindExpiredPolls)])


def received(message: Message, offset: int = 3) -> Received:
    return Received(message.topic, 0, offset, message.key, message.value, message.headers, 0)


def envelopes(messages: list[Message]) -> list[Envelope]:
    return [decode_job(received(message), KINDS) for message in messages]


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


def test_a_tick_has_expired_polls_looked_for() -> None:
    assert list(close_expired_polls(a_tick())) == [FindExpiredPolls()]
    assert declared.hearing(a_tick()) == ["close_expired_polls"]


def test_every_agent_that_hears_a_fact_answers_it_in_order() -> None:
    answered = envelopes(reactions(some_agents(broken=False), received(encode_event(a_fact())), NOW))

    assert [envelope.job for envelope in answered] == [Greet("Ada"), Greet("Bob"), Count(42)]
    assert [envelope.source for envelope in answered] == [
        "/treadle/agents/greet_all",
        "/treadle/agents/greet_all",
        "/treadle/agents/count_up",
    ]


def test_a_fact_that_nobody_hears_leads_to_nothing() -> None:
    other = encode_event(a_fact(kind="user_mentioned"))

    assert reactions(some_agents(broken=False), received(other), NOW) == []


def test_a_fact_that_comes_twice_leads_to_the_same_ids() -> None:
    fact = encode_event(a_fact())

    once = reactions(some_agents(broken=False), received(fact, offset=3), NOW)
    twice = reactions(some_agents(broken=False), received(fact, offset=99), NOW.replace(year=2030))

    assert [each.id for each in envelopes(once)] == [each.id for each in envelopes(twice)]


def test_another_fact_leads_to_other_ids() -> None:
    agents = some_agents(broken=False)

    one = envelopes(reactions(agents, received(encode_event(a_fact(id=31))), NOW))
    other = envelopes(reactions(agents, received(encode_event(a_fact(id=32))), NOW))

    assert not {each.id for each in one} & {each.id for each in other}


def test_an_agent_that_fails_becomes_a_job_and_the_others_still_answer() -> None:
    again, count = envelopes(reactions(some_agents(broken=True), received(encode_event(a_fact())), NOW))

    assert isinstance(again.job, React)
    assert (again.job.agent, again.job.topic) == ("greet_all", "loomio.events")
    assert count.job == Count(42)


def test_the_job_of_a_failed_agent_leads_to_the_ids_of_a_good_reaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fact = received(encode_event(a_fact()))
    good = envelopes(reactions(some_agents(broken=False), fact, NOW))
    again, _ = envelopes(reactions(some_agents(broken=True), fact, NOW))
    monkeypatch.setattr("consumers.workers.agents.declared", some_agents(broken=False))
    ctx = Context(job_id=again.id, kind="agents.react", attempt=1, now=NOW, transactions=NoDatabase())

    assert isinstance(again.job, React)
    react(again.job, ctx)

    healed = children(ctx.jobs, of=ctx.job_id, source="/treadle/jobs/agents.react", now=NOW)
    assert [(each.id, each.job) for each in healed] == [(each.id, each.job) for each in good[:2]]


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

    (again,) = envelopes(reactions(agents, received(message), NOW))

    assert isinstance(again.job, React)
    assert msgspec.json.encode(again.job.fact) == message.value


@pytest.mark.parametrize("value", [b"hello", b"{}", b"\xff", None, b'{"id": "x"}'])
@pytest.mark.parametrize("topic", ["loomio.events", "treadle.ticks"])
def test_a_fact_that_cannot_be_read_is_a_dead_letter(topic: str, value: bytes | None) -> None:
    strange = Received(topic, 4, 17, b"key", value, [("x", b"\x00")], 0)

    (letter,) = reactions(some_agents(broken=False), strange, NOW)

    assert (letter.topic, letter.key, letter.value) == ("jobs.dead", b"key", value)
    assert letter.headers[0] == ("x", b"\x00")
    told = failure_of(received(letter))
    assert told is not None
    assert (told.error, told.topic, told.partition, told.offset) == ("BadMessage", topic, 4, 17)
    assert "can be read from this message" in told.message


def test_a_reaction_that_is_too_large_does_not_stop_the_agents() -> None:
    agents = Agents()

    @agents.on_event("poll_expired")
    def shout(event: Event) -> Iterator[Job]:
        yield Greet("x" * 2_000_000)

    (again,) = envelopes(reactions(agents, received(encode_event(a_fact())), NOW))

    assert isinstance(again.job, React)


def test_a_fact_too_large_for_a_job_is_a_dead_letter_when_its_agent_fails() -> None:
    large = encode_event(a_fact(custom_fields={"text": "x" * 1_100_000}))

    letter, count = reactions(some_agents(broken=True), received(large), NOW)

    assert (letter.topic, letter.value) == ("jobs.dead", large.value)
    assert count.topic == "jobs.default"


def test_two_agents_cannot_have_one_name() -> None:
    agents = some_agents(broken=False)

    with pytest.raises(ConfigError, match="two agents are called 'count_up'"):

        @agents.on_tick("polls.close_expired")
        def count_up(tick: Tick) -> Iterator[Job]:
            yield Count(1)
