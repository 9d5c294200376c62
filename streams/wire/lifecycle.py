"""What consumers report about jobs on `jobs.lifecycle`: outcomes, and jobs in flight for a while, in batches."""

from __future__ import annotations

import msgspec
import structlog

from streams.message import Message
from streams.topics import LIFECYCLE
from streams.wire.decoding import UNREADABLE

log = structlog.get_logger()


class Finished(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One finished attempt. It began at `began_at` (epoch seconds) and took `took` seconds.

    `reason` says why it did not succeed.
    """

    job: str
    kind: str
    queue: str
    attempt: int
    outcome: str
    began_at: float
    took: float
    reason: str = ""


class InFlight(msgspec.Struct, frozen=True, array_like=True):
    """A job that has been in flight for a while."""

    job: str
    kind: str
    queue: str
    attempt: int
    began_at: float


class Batch(msgspec.Struct, frozen=True, omit_defaults=True):
    """The value of a lifecycle message: what a process (host:pid) has finished, and what is in flight there."""

    process: str
    finished: list[Finished]
    in_flight: list[InFlight] = []


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Batch).decode


def encode_batch(batch: Batch) -> Message:
    """The message that carries this batch."""
    return Message(LIFECYCLE, None, _encode(batch), [])


def decode_batch(value: bytes | None) -> Batch:
    """The batch in a message of `jobs.lifecycle`; an empty one when it cannot be read, which is logged."""
    try:
        return _decode(value or b"")
    except UNREADABLE as error:
        log.warning("lifecycle_unreadable", error=str(error))
        return Batch("", [])
