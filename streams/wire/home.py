"""The queue to which a job returns, from a tier or from the dead letters."""

from __future__ import annotations

from streams.errors import BadMessage
from streams.headers import QUEUE, value_of
from streams.job import Queue
from streams.message import Received
from streams.topics import EVENTS, TICKS, queue_of, topic_of
from streams.wire.failure import failure_of

_QUEUES = {queue.value.encode(): queue for queue in Queue}  # several times as fast as the enum's own look-up


def home_queue(named: bytes | None, topic: str) -> Queue | None:
    """The queue named by a job's header (`treadle_queue`), else that of its topic; None when neither names one.

    Raises BadMessage when the header names an unknown queue.
    """
    if not named:
        return queue_of(topic)
    queue = _QUEUES.get(named)
    if queue is None:
        name = named.decode(errors="backslashreplace")
        raise BadMessage(f"header {QUEUE} names an unknown queue: {name}")
    return queue


def home_topic(received: Received) -> str | None:
    """The topic to which a waiting job or a dead letter returns; None when it does not name one.

    For a job this is its home queue's topic; for an event or a tick that could not be read, the topic it was read from.
    """
    failure = failure_of(received)
    read_from = failure.topic if failure else ""
    try:
        queue = home_queue(value_of(received.headers, QUEUE), read_from)
    except BadMessage:  # the unreadable header may be what the job died of
        queue = queue_of(read_from)
    if queue is not None:
        return topic_of(queue)
    return read_from if read_from in (EVENTS, TICKS) else None
