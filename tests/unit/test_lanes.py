"""Lanes and lines: who waits where, who goes next, and who is woken."""

from __future__ import annotations

import threading
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from consumers.lanes import Lanes
from consumers.lines import Lines
from consumers.offsets import OffsetTracker
from consumers.parcel import Parcel
from streams.job import Queue
from tests.support.builders.messages import a_message

WEIGHTS = {Queue.CRITICAL: 10, Queue.HIGH: 6, Queue.DEFAULT: 3, Queue.LOW: 1, Queue.MAILERS: 1}


def a_parcel(offset: int = 1, tracker: OffsetTracker | None = None) -> Parcel:
    return Parcel(a_message(offset=offset), tracker or OffsetTracker("jobs.low", 2))


def offset_of(parcel: Parcel | None) -> int | None:
    return parcel.received.offset if parcel else None


def test_full_lanes_are_emptied_by_their_weights() -> None:
    lanes = Lanes(WEIGHTS)
    trackers = {queue: OffsetTracker(f"jobs.{queue}", 0) for queue in WEIGHTS}
    for queue in WEIGHTS:
        lanes.put(queue, [a_parcel(offset, trackers[queue]) for offset in range(50)])

    taken = Counter(parcel.tracker.topic for _ in range(42) if (parcel := lanes.take()))

    assert taken == {
        "jobs.critical": 20,
        "jobs.high": 12,
        "jobs.default": 6,
        "jobs.low": 2,
        "jobs.mailers": 2,
    }


def test_what_was_taken_away_is_not_started() -> None:
    lanes = Lanes({Queue.LOW: 1})
    gone, ours = OffsetTracker("jobs.low", 0), OffsetTracker("jobs.low", 1)
    lanes.put(Queue.LOW, [a_parcel(1, gone), a_parcel(2, ours)])

    gone.revoked = True
    taken = lanes.take()

    assert offset_of(taken) == 2
    assert (gone.running, ours.running) == (set(), {2})


def test_closed_lanes_hand_out_nothing_even_when_something_waits() -> None:
    lanes = Lanes({Queue.LOW: 1})
    lanes.put(Queue.LOW, [a_parcel()])

    lanes.close()

    assert lanes.take() is None
    assert lanes.waiting(Queue.LOW) == 1


def test_as_many_idlers_are_woken_as_parcels_come() -> None:
    lanes = Lanes({Queue.LOW: 1})
    woken: list[int] = []
    for number in range(5):
        lanes.idle(lambda number=number: woken.append(number))  # type: ignore[misc]

    lanes.put(Queue.LOW, [a_parcel(1), a_parcel(2)])

    assert woken == [0, 1]
    assert lanes.idlers == 3


def test_who_idles_beside_a_full_lane_is_woken_at_once() -> None:
    lanes = Lanes({Queue.LOW: 1})
    lanes.put(Queue.LOW, [a_parcel()])
    woken: list[str] = []

    lanes.idle(lambda: woken.append("now"))

    assert woken == ["now"]


def test_closing_wakes_everybody() -> None:
    lanes = Lanes({Queue.LOW: 1})
    woken: list[int] = []
    for number in range(3):
        lanes.idle(lambda number=number: woken.append(number))  # type: ignore[misc]

    lanes.close()

    assert sorted(woken) == [0, 1, 2]


def test_many_threads_take_each_parcel_once() -> None:
    lanes = Lanes(WEIGHTS)
    tracker = OffsetTracker("jobs.low", 0)
    taken: list[int] = []

    def serve() -> None:
        woken = threading.Semaphore(0)
        while not lanes.closed:
            parcel = lanes.take()
            if parcel is not None:
                taken.append(parcel.received.offset)
            else:
                lanes.idle(woken.release)
                woken.acquire()

    threads = [threading.Thread(target=serve) for _ in range(8)]
    for thread in threads:
        thread.start()
    queues = list(WEIGHTS)
    for offset in range(2000):
        lanes.put(queues[offset % 5], [a_parcel(offset, tracker)])
    reached = threading.Event()
    for _ in range(1000):
        if len(taken) == 2000 or reached.wait(0.01):
            break
    lanes.close()
    for thread in threads:
        thread.join(5)

    assert sorted(taken) == list(range(2000))
    assert not any(thread.is_alive() for thread in threads)


def test_jobs_of_one_key_go_one_after_the_other_and_hold_up_nobody_else() -> None:
    lanes, lines = Lanes({Queue.LOW: 1}), Lines(Queue.LOW)
    parcels = [a_parcel(offset) for offset in range(4)]
    keys = [b"poll:1", b"poll:1", b"poll:2", b"poll:1"]

    at_once = [p for p, key in zip(parcels, keys, strict=True) if lines.may_go(p, key, lanes)]
    lanes.put(Queue.LOW, at_once)
    first, other = lanes.take(), lanes.take()
    nobody = lanes.take()
    assert first is not None
    first.finish()
    second = lanes.take()

    assert [offset_of(first), offset_of(other), offset_of(nobody), offset_of(second)] == [0, 2, None, 1]
    assert lines.waiting == 1


def test_a_line_passes_over_what_was_taken_away() -> None:
    lanes, lines = Lanes({Queue.LOW: 1}), Lines(Queue.LOW)
    gone, ours = OffsetTracker("jobs.low", 2), OffsetTracker("jobs.low", 2)
    first, second, third = a_parcel(0, gone), a_parcel(1, gone), a_parcel(1, ours)
    for parcel in (first, second, third):
        lines.may_go(parcel, b"poll:1", lanes)

    gone.revoked = True
    first.finish()

    assert lanes.take() is third


@given(
    keys=st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=30),
    choose=st.randoms(use_true_random=False),
)
def test_each_key_is_in_order_whatever_finishes_first(keys: list[bytes], choose: object) -> None:
    lanes, lines = Lanes({Queue.LOW: 1}), Lines(Queue.LOW)
    key_of = dict(enumerate(keys))
    for offset, key in enumerate(keys):
        parcel = a_parcel(offset)
        if lines.may_go(parcel, key, lanes):
            lanes.put(Queue.LOW, [parcel])
    running: list[Parcel] = []
    finished: list[int] = []
    while True:
        while (parcel := lanes.take()) is not None:
            running.append(parcel)
        if not running:
            break
        at_work = [key_of[parcel.received.offset] for parcel in running]
        assert len(set(at_work)) == len(at_work), "two of one key at once"
        done = running.pop(choose.randrange(len(running)))  # type: ignore[attr-defined]  # typed as object
        done.finish()
        finished.append(done.received.offset)

    assert sorted(finished) == list(range(len(keys)))
    for key in set(keys):
        assert [o for o in finished if key_of[o] == key] == [o for o, k in key_of.items() if k == key]
    assert lines.waiting == 0


def test_a_key_whose_first_was_taken_away_is_served_when_its_partition_comes_back() -> None:
    lanes, lines = Lanes({Queue.LOW: 1}), Lines(Queue.LOW)
    gone, back = OffsetTracker("jobs.low", 2), OffsetTracker("jobs.low", 2)
    first, same_again = a_parcel(1, gone), a_parcel(1, back)
    if lines.may_go(first, b"k", lanes):
        lanes.put(Queue.LOW, [first])

    gone.revoked = True
    if lines.may_go(same_again, b"k", lanes):
        lanes.put(Queue.LOW, [same_again])

    assert lanes.take() is same_again
