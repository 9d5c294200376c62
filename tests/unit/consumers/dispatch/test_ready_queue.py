"""The ready queue: what waits, what is next, and who is woken."""

from __future__ import annotations

import threading
from collections import Counter

from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import WorkItem
from consumers.offsets.tracker import OffsetTracker
from streams.job import Queue
from tests.support.builders.messages import a_message

WEIGHTS = {Queue.CRITICAL: 10, Queue.HIGH: 6, Queue.DEFAULT: 3, Queue.LOW: 1, Queue.MAILERS: 1}


def an_item(offset: int = 1, tracker: OffsetTracker | None = None) -> WorkItem:
    return WorkItem(a_message(offset=offset), tracker or OffsetTracker("jobs.low", 2))


def offset_of(item: WorkItem | None) -> int | None:
    return item.received.offset if item else None


def test_full_queues_are_emptied_by_their_weights() -> None:
    ready = ReadyQueue(WEIGHTS)
    trackers = {queue: OffsetTracker(f"jobs.{queue}", 0) for queue in WEIGHTS}
    for queue in WEIGHTS:
        ready.put(queue, [an_item(offset, trackers[queue]) for offset in range(50)])

    taken = Counter(item.tracker.topic for _ in range(42) if (item := ready.take()))

    assert taken == {
        "jobs.critical": 20,
        "jobs.high": 12,
        "jobs.default": 6,
        "jobs.low": 2,
        "jobs.mailers": 2,
    }


def test_what_was_taken_away_is_not_started() -> None:
    ready = ReadyQueue({Queue.LOW: 1})
    gone, ours = OffsetTracker("jobs.low", 0), OffsetTracker("jobs.low", 1)
    ready.put(Queue.LOW, [an_item(1, gone), an_item(2, ours)])

    gone.revoke()
    taken = ready.take()

    assert offset_of(taken) == 2
    assert (gone.in_flight, ours.in_flight) == (set(), {2})


def test_an_item_that_is_put_first_is_the_next_of_its_queue() -> None:
    ready = ReadyQueue({Queue.LOW: 1})
    ready.put(Queue.LOW, [an_item(1), an_item(2)])

    ready.put_first(Queue.LOW, an_item(3))

    assert [offset_of(ready.take()) for _ in range(4)] == [3, 1, 2, None]


def test_a_closed_queue_hands_out_nothing_even_when_something_waits() -> None:
    ready = ReadyQueue({Queue.LOW: 1})
    ready.put(Queue.LOW, [an_item()])

    ready.close()

    assert ready.take() is None
    assert ready.waiting(Queue.LOW) == 1


def test_as_many_idle_executors_are_woken_as_items_arrive() -> None:
    ready = ReadyQueue({Queue.LOW: 1})
    woken: list[int] = []
    for number in range(5):
        ready.idle(lambda number=number: woken.append(number))  # type: ignore[misc]

    ready.put(Queue.LOW, [an_item(1), an_item(2)])

    assert woken == [0, 1]
    assert ready.idle_executors == 3


def test_an_executor_that_idles_beside_a_full_queue_is_woken_at_once() -> None:
    ready = ReadyQueue({Queue.LOW: 1})
    ready.put(Queue.LOW, [an_item()])
    woken: list[str] = []

    ready.idle(lambda: woken.append("now"))

    assert woken == ["now"]


def test_closing_wakes_every_executor() -> None:
    ready = ReadyQueue({Queue.LOW: 1})
    woken: list[int] = []
    for number in range(3):
        ready.idle(lambda number=number: woken.append(number))  # type: ignore[misc]

    ready.close()

    assert sorted(woken) == [0, 1, 2]


def test_many_threads_take_each_item_once() -> None:
    ready = ReadyQueue(WEIGHTS)
    tracker = OffsetTracker("jobs.low", 0)
    taken: list[int] = []

    def serve() -> None:
        woken = threading.Semaphore(0)
        while not ready.closed:
            item = ready.take()
            if item is not None:
                taken.append(item.received.offset)
            else:
                ready.idle(woken.release)
                woken.acquire()

    threads = [threading.Thread(target=serve) for _ in range(8)]
    for thread in threads:
        thread.start()
    queues = list(WEIGHTS)
    for offset in range(2000):
        ready.put(queues[offset % 5], [an_item(offset, tracker)])
    reached = threading.Event()
    for _ in range(1000):
        if len(taken) == 2000 or reached.wait(0.01):
            break
    ready.close()
    for thread in threads:
        thread.join(5)

    assert sorted(taken) == list(range(2000))
    assert not any(thread.is_alive() for thread in threads)
