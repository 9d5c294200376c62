"""The message with which a job is tried again: as it came, with another attempt and a moment to wait for."""

from __future__ import annotations

from datetime import datetime

import msgspec

from streams.codec import ATTEMPT, LATER, epoch_ms
from streams.dead import FAILURE, Failure
from streams.job import Queue
from streams.message import Message, Received
from streams.tiers import DUE, QUEUE
from streams.topics import topic_of


def again(
    received: Received, queue: Queue, *, attempt: int, due: datetime, later: int, failure: Failure | None
) -> Message:
    """For the queue's own topic; `Tiers.send_to_wait` lets it wait first.

    Key, value and all other headers stay byte for byte. Without a `failure` that of an earlier attempt is kept.
    """
    ours = {
        QUEUE: queue.encode(),
        ATTEMPT: b"%d" % attempt,
        DUE: b"%d" % epoch_ms(due),
    }
    if later:
        ours[LATER] = b"%d" % later
    if failure is not None:
        ours[FAILURE] = msgspec.json.encode(failure)
    headers = [(name, value) for name, value in received.headers if name not in ours]
    return Message(topic_of(queue), received.key, received.value, [*headers, *ours.items()])
