"""`enqueue(job)` for any Python program. The first call opens a connection, which is kept."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from streams.envelope import seal
from streams.job import Job, Queue
from streams.kafka.producer import Producer
from streams.kafka.producer import enqueue as send
from streams.moments import due_at
from streams.tiers import Tiers
from treadle.settings import read_settings

SOURCE = "/treadle/enqueue"

_lock = threading.Lock()
_producer: Producer | None = None
_tiers: Tiers | None = None


def enqueue(
    job: Job,
    *,
    queue: Queue | None = None,
    key: str | None = None,
    delay: timedelta | None = None,
    at: datetime | None = None,
) -> str:
    """Enqueue one job and return its id, once Kafka has acknowledged it.

    `queue` and `key` override those of the job's kind. It is performed once `delay` has passed, or at the moment `at`
    (aware, at most ten years ahead; a past one means now). Raises NotDelivered, ConfigError, and BadMessage
    for arguments over 1 MiB and for a moment without a time zone. Inside a worker prefer `ctx.enqueue`, which sends
    only if the attempt succeeds.
    """
    now = datetime.now(UTC)
    due = due_at(now, delay=delay, at=at)
    envelope = seal(job, source=SOURCE, queue=queue, key=key, due=due, now=now)
    return send(_connected(), [envelope], _planned() if due else None)[0]


def enqueue_many(jobs: Iterable[Job]) -> list[str]:
    """Enqueue many jobs with one wait for all, and return their ids in the same order. Raises as `enqueue`."""
    return send(_connected(), [seal(job, source=SOURCE) for job in jobs])


def _planned() -> Tiers:
    global _tiers
    with _lock:
        if _tiers is None:
            _tiers = read_settings().planned_topics().tiers
        return _tiers


def _connected() -> Producer:
    global _producer
    with _lock:
        if _producer is None:
            _producer = Producer(read_settings().kafka_properties())
            atexit.register(_producer.close)
        return _producer
