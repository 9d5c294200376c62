"""Orders about one job when something comes in between: another person, Ctrl-C, an error, too little time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from streams.errors import TreadleError
from streams.orders import forget
from streams.producer import Producer
from tests.integration.test_jobs_command import end_it, enqueue
from tests.support.line import Line
from tests.support.planned import PLANNED, TIERS
from treadle import ordering
from treadle.dead.asked import Note
from treadle.finding_jobs import Found, Where, find_job
from treadle.ordering import Desk
from treadle.standing import order_about


@pytest.fixture
def desk(shop: Line) -> Iterator[Desk]:
    # Behind a fetch of nothing each question would wait for half a second.
    kafka = {"bootstrap.servers": shop.kafka, "fetch.wait.max.ms": "10"}
    producer = Producer(kafka)
    yield Desk(kafka, PLANNED, producer, timedelta(seconds=10))
    producer.close()


def found_while(do: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on this is done each time a search for a job is over."""

    def find_and_do(*arguments: Any) -> Found:
        found = find_job(*arguments)
        do()
        return found

    monkeypatch.setattr(ordering, "find_job", find_and_do)


def test_a_job_is_not_moved_when_somebody_cancels_it_meanwhile(
    shop: Line, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = enqueue(shop, 1, word="hello", later="1h")
    found_while(lambda: desk.sender.send([end_it(job)]), monkeypatch)

    answer = desk.move(job, None, Note("ada"))

    assert not answer.ordered
    assert "somebody ordered otherwise meanwhile" in answer.done
    assert [order.action for order in [order_about(desk.kafka, job)] if order] == ["cancel"]
    assert len(shop.sent(*TIERS)) == 1


def test_a_cancel_that_somebody_takes_back_meanwhile_says_so(
    shop: Line, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = enqueue(shop, 1, word="hello", later="1h")
    found_while(lambda: desk.sender.send([forget(job)]), monkeypatch)

    answer = desk.cancel(job, Note("ada"))

    assert (answer.where, answer.ordered) == (Where.WAITING, False)


def test_a_cancel_whose_search_fails_or_is_interrupted_orders_nothing(
    shop: Line, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = enqueue(shop, 1, word="hello", later="1h")

    for reason in (KeyboardInterrupt(), TreadleError("Kafka does not answer")):
        monkeypatch.setattr(ordering, "find_job", Mock(side_effect=reason))
        with pytest.raises(type(reason)):
            desk.cancel(job, Note("ada"))

    assert order_about(desk.kafka, job) is None


def test_a_cancel_that_is_interrupted_as_it_is_sent_orders_nothing(shop: Line, desk: Desk) -> None:
    class Interrupted:
        """The order is on its way, and the person has asked to stop."""

        def __init__(self) -> None:
            self.send = Mock(side_effect=[KeyboardInterrupt, None])

        def send_then(self, messages: object, done: object) -> None:
            raise AssertionError

    (job,) = enqueue(shop, 1, word="hello", later="1h")
    sender = Interrupted()

    with pytest.raises(KeyboardInterrupt):
        replace(desk, sender=sender).cancel(job, Note("ada"))

    sent = [call.args[0][0] for call in sender.send.call_args_list]
    desk.sender.send(sent)  # in this order: one producer, one partition
    assert [message.value is None for message in sent] == [False, True]
    assert order_about(desk.kafka, job) is None


def test_who_finds_nothing_to_cancel_is_told_that_another_s_cancel_stands(shop: Line, desk: Desk) -> None:
    desk.sender.send([end_it("for-tomorrow")])

    answer = desk.cancel("for-tomorrow", Note("ada"))

    assert (answer.where, answer.ordered) == (Where.UNKNOWN, False)
    assert answer.done == "nothing is ordered, but that it ends stands as bea ordered it"
    assert [order.by for order in [order_about(desk.kafka, "for-tomorrow")] if order] == ["bea"]


def test_a_cancel_whose_search_is_cut_short_orders_nothing_and_says_what_may_be(
    shop: Line, desk: Desk
) -> None:
    enqueue(shop, 3, word="hello")

    answer = replace(desk, within=timedelta(seconds=-1)).cancel("of-nobody", Note("ada"))

    assert (answer.where, answer.ordered) == (Where.UNKNOWN, False)
    assert "not everything could be searched" in answer.told
    assert "had it come up meanwhile, it has ended" in answer.done
    assert order_about(desk.kafka, "of-nobody") is None
