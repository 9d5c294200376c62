"""Orders about single jobs: what they mean, and when they are forgotten."""

import time

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from consumers import orders as module
from consumers.attempt import Performer
from consumers.once import NoDatabase
from consumers.orders import Orders
from consumers.outcome import NOTHING_FOLLOWS, Cancelled
from consumers.worker import Workers
from streams.message import Message, Received
from streams.orders import MOVED, Order, Ruling, encode_order, moved, released, ruling
from streams.tiers import due_of
from tests.support.builders.messages import KINDS, NOW, Greet, a_message

CANCEL = Order("cancel", "o1", "ada", NOW, "a mistake")
MOVE = Order("move", "o2", "ada", NOW, stale=(900,))
CANCEL_MOVED = Order("cancel", "o3", "ada", NOW, stale=(900,))


def given(*some: tuple[str, Order | None]) -> Orders:
    orders = Orders()
    for job, order in some:
        orders.take(job.encode(), encode_order(job, order).value if order else None)
    return orders


def received_again(message: Message) -> Received:
    return Received(message.topic, 0, 0, message.key, message.value, message.headers, 0)


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
    (message,) = orders.due(now=time.time() + 61)
    assert (message.topic, message.key, message.value) == ("treadle.orders", b"a", None)


def test_an_order_of_whose_job_a_copy_is_left_is_kept_until_that_has_come_up() -> None:
    hour = 3_600
    stale = int(time.time() + 24 * hour) * 1000
    orders = given(("moved", replace(MOVE, stale=(stale,))), ("cancelled", replace(CANCEL, stale=(stale,))))
    orders.ended("moved")
    orders.ended("cancelled")

    assert orders.due(now=time.time() + 24 * hour) == []
    assert {m.key for m in orders.due(now=time.time() + 26 * hour)} == {b"cancelled", b"moved"}


def test_a_cancel_outlives_the_moves_that_were_ordered_before_it() -> None:
    moved_by, cancelled_by = replace(MOVE, stale=(900,)), CANCEL_MOVED
    orders = given(("a", moved_by), ("a", cancelled_by), ("b", moved_by), ("b", None), ("b", CANCEL))

    assert orders.due() == []  # both copies were due long ago
    assert (orders.of("a"), orders.of("b")) == (cancelled_by, CANCEL)

    orders.ended("a")
    assert [message.key for message in orders.due(now=time.time() + 61)] == [b"a"]


@pytest.mark.parametrize("cancel", [CANCEL, CANCEL_MOVED])
def test_a_job_that_is_released_from_a_cancel_begins_until_it_is_cancelled_anew(cancel: Order) -> None:
    workers = Workers()
    workers.worker(Greet)(lambda job, ctx: None)
    came = a_message()
    job = received_again(released(Message(came.topic, came.key, came.value, came.headers), cancel))

    def outcome(order: Order) -> object:
        return Performer(KINDS, workers, NoDatabase(), orders=given(("id-1", order))).attempt(job).outcome

    assert (ruling(cancel, job), outcome(cancel)) == (Ruling.GO_ON, NOTHING_FOLLOWS)
    anew = replace(cancel, id="o9")
    assert (ruling(anew, job), outcome(anew)) == (Ruling.HOME_NOW, Cancelled("ada", cancel.why))


def test_a_copy_that_is_stale_stays_so_beside_one_that_is_released() -> None:
    assert ruling(CANCEL_MOVED, a_message(headers={"treadle_due": b"900"})) is Ruling.DROP


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
        (None, {"treadle_due": b"900"}, Ruling.GO_ON),
        (CANCEL, {}, Ruling.HOME_NOW),
        (MOVE, {"treadle_due": b"900"}, Ruling.DROP),
        (MOVE, {"treadle_due": b"901"}, Ruling.GO_ON),
        (MOVE, {}, Ruling.GO_ON),
        (MOVE, {"treadle_due": b"900", MOVED: b"o2"}, Ruling.GO_ON),
        (MOVE, {"treadle_due": b"900", MOVED: b"o1"}, Ruling.DROP),
        (CANCEL_MOVED, {"treadle_due": b"900"}, Ruling.DROP),
        (CANCEL_MOVED, {"treadle_due": b"700", MOVED: b"o2"}, Ruling.HOME_NOW),
    ],
)
def test_what_an_order_means_for_a_job_in_a_tier(
    order: Order | None, headers: dict[str, bytes], wanted: Ruling
) -> None:
    assert ruling(order, a_message(headers=headers)) is wanted


def test_a_moved_copy_differs_in_its_moment_and_its_order_alone() -> None:
    waiting = a_message(headers={"treadle_due": b"900", "treadle_attempt": b"3", "x": b"\xff"})

    copy = moved(waiting, "jobs.low", MOVE, 700)

    assert (copy.topic, copy.key, copy.value) == ("jobs.low", waiting.key, waiting.value)
    changed = dict(copy.headers).items() - dict(waiting.headers).items()
    assert changed == {("treadle_due", b"700"), (MOVED, b"o2")}
    assert ruling(MOVE, received_again(copy)) is Ruling.GO_ON


@for_all(st.lists(st.integers(1, 10**13), min_size=1, max_size=6, unique=True))
def test_however_often_a_job_is_moved_one_copy_counts(moments: list[int]) -> None:
    copies = [a_message(headers={"treadle_due": b"%d" % moments[0]})]
    order = None
    for number, due in enumerate(moments[1:]):
        stale = (*(order.stale if order else ()), due_of(copies[-1].headers) or 0)
        order = Order("move", f"o{number}", "ada", NOW, stale=stale)
        copies.append(received_again(moved(copies[-1], "jobs.low", order, due)))

    rulings = [ruling(order, copy) for copy in copies]

    assert rulings == [Ruling.DROP] * (len(copies) - 1) + [Ruling.GO_ON]
