"""What follows from events and ticks about polls."""

from streams.agent import declared
from streams.agents.polls import close_expired_polls
from streams.jobs.polls import FindExpiredPolls
from tests.support.builders.messages import a_tick


def test_a_tick_leads_to_a_search_for_expired_polls() -> None:
    assert list(close_expired_polls(a_tick())) == [FindExpiredPolls()]
    assert declared.hearing(a_tick()) == ["close_expired_polls"]
