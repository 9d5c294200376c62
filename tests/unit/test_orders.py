"""Orders about single jobs: what they mean, and when they are forgotten."""

import pytest

from consumers import orders as module
from consumers.attempt import Performer
from consumers.once import NoDatabase
from consumers.orders import Orders
from consumers.outcome import Cancelled
from consumers.worker import Workers
from streams.orders import MOVED, Order, Ruling, encode_order, ruling
from tests.builders.messages import KINDS, NOW, Greet, a_message

CANCEL = Order("cancel", "o1", "ada", NOW, "a mistake")
MOVE = Order("move", "o2", "ada", NOW)


def given(*some: tuple[str, Order | None]) -> Orders:
    orders = Orders()
    for job, order in some:
        orders.take(job.encode(), encode_order(job, order).value if order else None)
    return orders


def test_a_cancelled_job_does_not_begin() -> None:
    workers = Workers()
    begun = []
    workers.worker(Greet)(lambda job, ctx: begun.append(job))

    ended = Performer(KINDS, workers, NoDatabase(), orders=given(("id-1", CANCEL))).attempt(a_message())

    assert ended.outcome == Cancelled("ada", "a mistake")
    assert begun == []


def test_the_newest_order_counts_until_it_is_forgotten() -> None:
    assert given(("a", CANCEL), ("a", MOVE)).of("a") == MOVE
    assert given(("a", CANCEL), ("a", None)).of("a") is None
    assert given(("a", CANCEL)).of("b") is None


def test_an_order_is_forgotten_a_minute_after_its_job_has_ended() -> None:
    orders = given(("a", CANCEL))
    orders.ended("a")

    assert orders.due() == []
    (message,) = orders.due(now=float("inf"))
    assert (message.topic, message.key, message.value) == ("treadle.orders", b"a", None)


def test_what_cannot_be_read_changes_nothing() -> None:
    orders = given(("a", CANCEL))

    orders.take(b"a", b"rubbish")
    orders.take(None, b"\xff")

    assert orders.of("a") == CANCEL


def test_a_process_keeps_no_more_than_it_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 2)

    orders = given(("a", CANCEL), ("b", CANCEL), ("a", MOVE), ("c", CANCEL))

    assert [orders.of(job) for job in "abc"] == [MOVE, None, CANCEL]


@pytest.mark.parametrize(
    ("order", "headers", "wanted"),
    [
        (None, {}, Ruling.GO_ON),
        (CANCEL, {}, Ruling.HOME_NOW),
        (MOVE, {}, Ruling.DROP),
        (MOVE, {MOVED: b"o2"}, Ruling.GO_ON),
        (MOVE, {MOVED: b"o1"}, Ruling.DROP),
    ],
)
def test_what_an_order_means_for_a_job_in_a_tier(
    order: Order | None, headers: dict[str, bytes], wanted: Ruling
) -> None:
    assert ruling(order, a_message(headers=headers)) is wanted
