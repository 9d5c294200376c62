"""How agents are declared, and which of them hear a fact."""

from collections.abc import Iterator

import pytest

from streams.agent import Agents
from streams.errors import ConfigError
from streams.event import Event
from streams.job import Job
from streams.tick import Tick
from tests.support.builders.messages import Count, a_fact, a_tick


def counting() -> Agents:
    agents = Agents()

    @agents.on_event("poll_expired", "poll_created")
    def count_up(event: Event) -> Iterator[Job]:
        yield Count(event.eventable_id)

    return agents


def test_an_agent_hears_each_of_its_kinds_and_no_other_fact() -> None:
    agents = counting()

    assert agents.hearing(a_fact(kind="poll_created")) == ["count_up"]
    assert agents.hearing(a_fact(kind="poll_expired")) == ["count_up"]
    assert agents.hearing(a_fact(kind="user_mentioned")) == []
    assert agents.hearing(a_tick()) == []


def test_two_agents_cannot_have_one_name() -> None:
    agents = counting()

    with pytest.raises(ConfigError, match="two agents are named 'count_up'"):

        @agents.on_tick("polls.close_expired")
        def count_up(tick: Tick) -> Iterator[Job]:
            yield Count(1)
