"""Where a message is performed: on a slot, or on the event loop."""

from __future__ import annotations

from consumers.context import Context
from consumers.lanes import Lanes
from consumers.offsets import OffsetTracker
from consumers.parcel import Parcel
from consumers.routes import Routes, Stations
from consumers.worker import Workers
from streams.codec import decode_job
from streams.job import Queue, kind_of
from tests.support.builders.messages import KINDS, Count, Greet, a_message


def test_a_message_of_two_types_is_performed_where_the_worker_of_the_one_that_is_read_belongs() -> None:
    workers = Workers()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        raise AssertionError("nobody is performed here")

    @workers.worker(Count)
    async def count(job: Count, ctx: Context) -> None:
        raise AssertionError("nobody is performed here")

    stations = Stations(Lanes({Queue.LOW: 1}), Lanes({Queue.LOW: 1}))
    received = a_message(b'{"upto":1}', more=[("ce_type", b"test.count")])

    Routes(Queue.LOW, KINDS, workers, stations).put([Parcel(received, OffsetTracker("jobs.low", 2))])

    assert kind_of(decode_job(received, KINDS).job) is kind_of(Count)
    assert [lanes.waiting(Queue.LOW) for lanes in stations] == [0, 1]
