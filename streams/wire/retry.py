"""The message that retries or snoozes a job: the one received, with its next attempt and due moment."""

from __future__ import annotations

from datetime import datetime

import msgspec

from streams.headers import ATTEMPT, DUE, FAILURE, QUEUE, SNOOZES, replaced
from streams.job import Queue
from streams.message import Message, Received
from streams.moments import epoch_ms
from streams.topics import topic_of
from streams.wire.failure import Failure


def retry_message(
    received: Received, queue: Queue, *, attempt: int, due: datetime, snoozes: int, failure: Failure | None
) -> Message:
    """Addressed to the queue's own topic; `Tiers.send_to_wait` sends it to a tier first.

    Key, value and all other headers stay byte for byte. Without a `failure`, that of an earlier attempt is kept.
    """
    due_ms = epoch_ms(due)
    ours = {QUEUE: queue.encode(), ATTEMPT: b"%d" % attempt, DUE: b"%d" % due_ms}
    if snoozes:
        ours[SNOOZES] = b"%d" % snoozes
    if failure is not None:
        ours[FAILURE] = msgspec.json.encode(failure)
    headers = replaced(received.headers, ours)
    return Message(topic_of(queue), received.key, received.value, headers, None, due_ms)
