"""What an attempt leads to, as messages: child jobs under ids of their cause, and events."""

from __future__ import annotations

import msgspec

from consumers.context import Context
from streams.codec import encode_event, encode_job
from streams.envelope import children
from streams.message import Message

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[Message, ...]).decode


def messages_of(ctx: Context) -> tuple[Message, ...]:
    """The messages that follow from this attempt. A second run gives the same ids."""
    if not ctx.jobs and not ctx.events:
        return ()  # most attempts
    jobs = children(
        ctx.jobs,
        of=ctx.job_id,
        source=f"/treadle/jobs/{ctx.kind}",
        now=ctx.now,
        dues=ctx.dues,
        traceparent=ctx.traceparent,
    )
    return (*map(encode_job, jobs), *map(encode_event, ctx.events))


def pack(messages: tuple[Message, ...]) -> bytes:
    """For keeping in a table."""
    return _pack(messages)


def unpack(packed: bytes) -> tuple[Message, ...]:
    """What `pack` kept."""
    return _unpack(packed)
