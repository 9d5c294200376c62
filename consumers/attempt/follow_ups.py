"""What an attempt leads to, as messages: child jobs under ids of their cause, and events."""

from __future__ import annotations

import msgspec

from consumers.context import Context
from streams.envelope import children
from streams.message import Message
from streams.wire.facts import encode_event
from streams.wire.jobs import encode_job

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[Message, ...]).decode


def follow_ups_of(ctx: Context) -> tuple[Message, ...]:
    """The messages that follow from this attempt, encoded at the first call. A second run gives the same ids."""
    if ctx.follow_ups is None:
        ctx.follow_ups = _encoded(ctx) if ctx.jobs or ctx.events else ()  # most attempts lead to nothing
    return ctx.follow_ups


def _encoded(ctx: Context) -> tuple[Message, ...]:
    jobs = children(
        ctx.jobs,
        of=ctx.job_id,
        source=f"/treadle/jobs/{ctx.kind}",
        now=ctx.now,
        dues=ctx.dues,
        traceparent=ctx.traceparent,
    )
    return (*(encode_job(envelope, value) for envelope, value in jobs), *map(encode_event, ctx.events))


def pack(messages: tuple[Message, ...]) -> bytes:
    """Messages as bytes, to be kept in a table."""
    return _pack(messages)


def unpack(packed: bytes) -> tuple[Message, ...]:
    """The messages in bytes from `pack`."""
    return _unpack(packed)
