"""Order by key: jobs of one key go one after the other, and hold up no other key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumers.dispatch.key_order import KeyOrder
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from consumers.offsets.tracker import OffsetTracker
from streams.job import Queue
from tests.support.builders.messages import a_message


def an_item(offset: int = 1, tracker: OffsetTracker | None = None) -> WorkItem:
    return WorkItem(a_message(offset=offset), tracker or OffsetTracker("jobs.low", 2))


def offset_of(item: WorkItem | None) -> int | None:
    return item.received.offset if item else None


def test_jobs_of_one_key_go_one_after_the_other_and_hold_up_no_other() -> None:
    ready, order = ReadyQueue({Queue.LOW: 1}), KeyOrder(Queue.LOW)
    items = [an_item(offset) for offset in range(4)]
    keys = [b"poll:1", b"poll:1", b"poll:2", b"poll:1"]

    first_of_keys = [item for item, key in zip(items, keys, strict=True) if order.may_go(item, key, ready)]
    ready.put(Queue.LOW, first_of_keys)
    first, other = ready.take(), ready.take()
    none_left = ready.take()
    assert first is not None
    first.finish()
    second = ready.take()

    assert [offset_of(item) for item in (first, other, none_left, second)] == [0, 2, None, 1]
    assert order.waiting == 1


def test_what_was_taken_away_loses_its_turn_to_the_next_of_its_key() -> None:
    ready, order = ReadyQueue({Queue.LOW: 1}), KeyOrder(Queue.LOW)
    gone, ours = OffsetTracker("jobs.low", 2), OffsetTracker("jobs.low", 2)
    first, second, third = an_item(0, gone), an_item(1, gone), an_item(1, ours)
    for item in (first, second, third):
        order.may_go(item, b"poll:1", ready)

    gone.revoke()
    first.finish()

    assert ready.take() is third


@given(
    keys=st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=30),
    choose=st.randoms(use_true_random=False),
)
def test_each_key_is_in_order_whatever_finishes_first(keys: list[bytes], choose: object) -> None:
    ready, order = ReadyQueue({Queue.LOW: 1}), KeyOrder(Queue.LOW)
    key_of = dict(enumerate(keys))
    for offset, key in enumerate(keys):
        item = an_item(offset)
        if order.may_go(item, key, ready):
            ready.put(Queue.LOW, [item])
    in_flight: list[WorkItem] = []
    finished: list[int] = []
    while True:
        while (next_item := ready.take()) is not None:
            in_flight.append(next_item)
        if not in_flight:
            break
        keys_in_flight = [key_of[item.received.offset] for item in in_flight]
        assert len(set(keys_in_flight)) == len(keys_in_flight), "two jobs of one key are in flight"
        done = in_flight.pop(choose.randrange(len(in_flight)))  # type: ignore[attr-defined]  # typed as object
        done.finish()
        finished.append(done.received.offset)

    assert sorted(finished) == list(range(len(keys)))
    for key in set(keys):
        assert [o for o in finished if key_of[o] == key] == [o for o, k in key_of.items() if k == key]
    assert order.waiting == 0


def test_a_key_whose_first_was_taken_away_is_served_when_its_partition_comes_back() -> None:
    ready, order = ReadyQueue({Queue.LOW: 1}), KeyOrder(Queue.LOW)
    gone, back = OffsetTracker("jobs.low", 2), OffsetTracker("jobs.low", 2)
    first, same_job = an_item(1, gone), an_item(1, back)
    if order.may_go(first, b"k", ready):
        ready.put(Queue.LOW, [first])

    gone.revoke()
    if order.may_go(same_job, b"k", ready):
        ready.put(Queue.LOW, [same_job])

    assert ready.take() is same_job
