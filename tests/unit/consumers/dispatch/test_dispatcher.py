"""Where a job is performed: on a slot or on the event loop, in the order of its key or right away."""

from __future__ import annotations

from consumers.context import Context
from consumers.dispatch.dispatcher import Dispatcher, ReadyQueues
from consumers.dispatch.ready_queue import ReadyQueue
from consumers.dispatch.work_item import Suspect, WorkItem
from consumers.offsets.tracker import OffsetTracker
from consumers.worker import Workers
from streams.job import Queue, kind_of
from streams.wire.jobs import decode_job
from tests.support.builders.messages import KINDS, Count, Greet, a_message


def ready_queues() -> ReadyQueues:
    return ReadyQueues(ReadyQueue({Queue.LOW: 1}), ReadyQueue({Queue.LOW: 1}))


def waiting(ready: ReadyQueues) -> list[int]:
    """How many items wait for a slot, and how many for the event loop."""
    return [queue.waiting(Queue.LOW) for queue in ready]


def test_a_message_of_two_types_goes_to_the_executor_of_the_type_that_is_read() -> None:
    workers = Workers()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        raise AssertionError("no job is performed here")

    @workers.worker(Count)
    async def count(job: Count, ctx: Context) -> None:
        raise AssertionError("no job is performed here")

    ready = ready_queues()
    received = a_message(b'{"upto":1}', more=[("ce_type", b"test.count")])

    Dispatcher(Queue.LOW, KINDS, workers, ready).put([WorkItem(received, OffsetTracker("jobs.low", 2))])

    assert kind_of(decode_job(received, KINDS).job) is kind_of(Count)
    assert waiting(ready) == [0, 1]


def test_a_suspect_of_an_async_worker_goes_to_a_slot_which_has_a_child_perform_it() -> None:
    workers = Workers()

    @workers.worker(Greet)
    async def greet(job: Greet, ctx: Context) -> None:
        raise AssertionError("no job is performed here")

    ready = ready_queues()

    Dispatcher(Queue.LOW, KINDS, workers, ready).put(
        [Suspect(a_message(), OffsetTracker("jobs.low", 2), deaths=2)]
    )

    assert waiting(ready) == [1, 0]


def test_of_an_ordered_kind_only_the_first_of_a_key_is_ready_and_the_others_are_counted_as_waiting() -> None:
    workers = Workers()

    @workers.worker(Greet, ordered=True)
    def greet(job: Greet, ctx: Context) -> None:
        raise AssertionError("no job is performed here")

    ready = ready_queues()
    dispatcher = Dispatcher(Queue.LOW, KINDS, workers, ready)
    tracker = OffsetTracker("jobs.low", 2)

    dispatcher.put([WorkItem(a_message(key=b"person:Ada", offset=offset), tracker) for offset in range(3)])

    assert waiting(ready) == [1, 0]
    assert dispatcher.waiting == 3
