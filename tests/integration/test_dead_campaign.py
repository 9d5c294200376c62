"""A campaign, as the page runs it: counted first, then carried out step by step until it is done or has to stop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from monitor.dead_letters.campaign import Campaign, Pace
from monitor.dead_letters.follow import catch_up
from monitor.dead_letters.request import Selection
from monitor.note import Note
from streams.headers import REDRIVES
from streams.kafka.producer import Producer
from streams.topics import AUDIT
from streams.wire.audit import decode_audit
from tests.support.dead_letters import CLOSE, REPAIR, DeadLetters
from tests.support.line import Line
from treadle.database import opened

NOTE = Note("ada")
ALL = Selection()


@dataclass
class Stop:
    """Asked to stop when a test says so; it waits for nothing."""

    asked: bool = False

    def wait(self, seconds: float) -> bool:
        return self.asked


@pytest.fixture
def dead_letters(line: Line, fresh_database: str) -> DeadLetters:
    return DeadLetters(line, fresh_database)


@pytest.fixture
def producer(dead_letters: DeadLetters) -> Iterator[Producer]:
    producer = Producer(dead_letters.kafka)
    yield producer
    producer.close()


@pytest.fixture
def database(dead_letters: DeadLetters) -> Iterator[Engine]:
    with opened(dead_letters.database) as database:
        yield database


def test_a_campaign_is_counted_and_each_step_gives_the_account_so_far(
    dead_letters: DeadLetters, database: Engine, producer: Producer
) -> None:
    dead_letters.add(CLOSE, CLOSE, REPAIR)
    catch_up(database, dead_letters.kafka)

    campaign = Campaign(database, ALL, again=False)
    steps = campaign.redrive(dead_letters.kafka, producer, NOTE, Stop(), Pace(rate=2))
    done = [account.done for account in steps]

    assert [(each.kind, each.dead_letters) for each in campaign.counts] == [
        ("polls.close", 2),
        ("threads.repair", 1),
    ]
    assert done == [2, 3]
    assert (campaign.account.planned, campaign.account.stopped) == (3, "")
    assert len(dead_letters.sent_back("jobs.default")) == 3


def test_what_dies_after_the_count_is_left_alone_even_by_a_later_campaign(
    dead_letters: DeadLetters, database: Engine, producer: Producer
) -> None:
    counted = dead_letters.add(CLOSE)
    catch_up(database, dead_letters.kafka)
    shown = Campaign(database, ALL, again=False)
    dead_letters.add(CLOSE, CLOSE)
    catch_up(database, dead_letters.kafka)

    confirmed = Campaign(database, shown.selection, again=False)
    list(confirmed.redrive(dead_letters.kafka, producer, NOTE, Stop(), Pace()))

    assert dead_letters.sent_back() == counted


def test_a_campaign_that_is_stopped_before_its_first_step_sends_nothing_and_says_so(
    dead_letters: DeadLetters, database: Engine, producer: Producer
) -> None:
    dead_letters.add(CLOSE, CLOSE)
    catch_up(database, dead_letters.kafka)
    campaign = Campaign(database, ALL, again=False)

    steps = list(campaign.redrive(dead_letters.kafka, producer, NOTE, Stop(asked=True), Pace()))

    assert steps == []
    assert (campaign.account.done, campaign.account.stopped) == (0, "stopped on request")
    assert dead_letters.sent_back() == []


def test_a_campaign_that_is_stopped_finishes_its_step_and_begins_no_other(
    dead_letters: DeadLetters, database: Engine, producer: Producer
) -> None:
    dead_letters.add(CLOSE, CLOSE, CLOSE)
    catch_up(database, dead_letters.kafka)
    campaign, stop = Campaign(database, ALL, again=False), Stop()

    for account in campaign.redrive(dead_letters.kafka, producer, NOTE, stop, Pace(rate=1)):
        stop.asked = account.done == 2

    assert (campaign.account.done, campaign.account.stopped) == (2, "stopped on request")
    assert len(dead_letters.sent_back()) == 2


def test_a_canary_without_an_outcome_in_time_holds_the_rest_back(
    dead_letters: DeadLetters, database: Engine, producer: Producer
) -> None:
    dead_letters.add(CLOSE, CLOSE)
    catch_up(database, dead_letters.kafka)
    campaign = Campaign(database, ALL, again=False)

    pace = Pace(canary=1, canary_wait=timedelta(milliseconds=200))
    list(campaign.redrive(dead_letters.kafka, producer, NOTE, Stop(), pace))

    assert campaign.account.canary == dict.fromkeys(dead_letters.sent_back(), "not reported in time")
    assert campaign.account.stopped == ("1 of the canary's 1 jobs did not succeed (1 not reported in time)")
    assert len(dead_letters.sent_back()) == 1


def test_what_died_again_is_deleted_only_if_that_is_included(
    dead_letters: DeadLetters, database: Engine, producer: Producer
) -> None:
    (kept,) = dead_letters.add(CLOSE, headers={REDRIVES: b"1"})
    dead_letters.add(CLOSE)
    catch_up(database, dead_letters.kafka)

    campaign = Campaign(database, ALL, again=False)
    list(campaign.delete(producer, NOTE, Stop()))

    assert (campaign.account.died_again, campaign.account.done) == (1, 1)
    assert [row["job"] for row in dead_letters.listed()] == [kept]
    assert [decode_audit(each.value).action for each in dead_letters.line.sent(AUDIT)] == ["delete"]
