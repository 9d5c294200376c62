"""Overrides of single jobs, on the compacted topic `treadle.overrides`: one per job, keyed by its id."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from streams.headers import CONTENT_TYPE, DUE, MOVED, QUEUE, RELEASED, due_of, replaced, text_of, value_of
from streams.message import Message, Received
from streams.topics import OVERRIDES, queue_of
from streams.wire.decoding import read_json

STALE_FOR = timedelta(hours=1)
"""How long after its due moment a stale copy may still leave its tier, unless no process serves the tiers."""


class Override(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `by` decided about a job at `at`: to end it (cancel), or to have another copy of it count (move).

    `id` is the override's own. `stale` has the due moments (epoch ms) of the copies that no longer count.
    """

    action: Literal["cancel", "move"]
    id: str
    by: str
    at: datetime
    why: str = ""
    stale: tuple[int, ...] = ()


class Ruling(StrEnum):
    """What a process does with a waiting job that it holds."""

    GO_ON = "go on"
    RETURN_NOW = "return now"
    DROP = "drop"


def ruling(override: Override | None, waiting: Received) -> Ruling:
    """What an override means for a job that waits in a tier.

    A stale copy is dropped: another was acknowledged before the override was written. A cancelled job returns to its
    queue immediately, where a consumer ends it.
    """
    if override is None:
        return Ruling.GO_ON
    if due_of(waiting.headers) in override.stale and text_of(waiting.headers, MOVED) != override.id:
        return Ruling.DROP
    return Ruling.RETURN_NOW if cancels(override, waiting) else Ruling.GO_ON


def cancels(override: Override, received: Received) -> bool:
    """Whether this override ends the job."""
    return override.action == "cancel" and text_of(received.headers, RELEASED) != override.id


def released(message: Message, override: Override | None) -> Message:
    """The same job, to which this override, if any, no longer applies."""
    if override is None:
        return message
    return message._replace(headers=replaced(message.headers, {RELEASED: override.id.encode()}))


def moved(waiting: Received, topic: str, override: Override, due: int) -> Message:
    """The copy that counts from now on, due at `due` (epoch ms), addressed to the topic of its home queue."""
    ours = {DUE: b"%d" % due, MOVED: override.id.encode()}
    if (queue := queue_of(topic)) is not None and value_of(waiting.headers, QUEUE) is None:
        ours[QUEUE] = queue.encode()  # without it a tier cannot return the copy
    return Message(topic, waiting.key, waiting.value, replaced(waiting.headers, ours), due=due)


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Override)


def encode_override(job_id: str, override: Override) -> Message:
    """The message that puts the override in force."""
    return Message(OVERRIDES, job_id.encode(), _encode(override), [(CONTENT_TYPE, b"application/json")])


def forget(job_id: str) -> Message:
    """The message that withdraws this job's override, if any."""
    return Message(OVERRIDES, job_id.encode(), None, [])


def decode_override(value: bytes) -> Override:
    """The override in a message of `treadle.overrides`. Raises BadMessage."""
    return read_json(_decoder, value, "override")
