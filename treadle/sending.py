"""`enqueue(job)` for any Python program: the connection is made at the first call and kept."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable

from streams.envelope import seal
from streams.job import Job, Queue
from streams.producer import Producer
from streams.producer import enqueue as send
from treadle.settings import read_settings

SOURCE = "/treadle/enqueue"

_lock = threading.Lock()
_producer: Producer | None = None


def enqueue(job: Job, *, queue: Queue | None = None, key: str | None = None) -> str:
    """Enqueue one job and return its id, once Kafka has acknowledged it.

    `queue` and `key` override those of the job's kind. Raises NotDelivered,
    BadMessage (over 1 MiB), ConfigError. Inside a worker prefer `ctx.enqueue`, which sends only
    if the attempt succeeds.
    """
    return send(_connected(), [seal(job, source=SOURCE, queue=queue, key=key)])[0]


def enqueue_many(jobs: Iterable[Job]) -> list[str]:
    """Enqueue many jobs with one wait for all; their ids in the same order. Raises as `enqueue`."""
    return send(_connected(), [seal(job, source=SOURCE) for job in jobs])


def _connected() -> Producer:
    global _producer
    with _lock:
        if _producer is None:
            _producer = Producer(read_settings().kafka_properties())
            atexit.register(_producer.close)
        return _producer
