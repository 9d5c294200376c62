"""What a person did with dead letters, on `treadle.audit`. From it a rebuilt store knows who is still dead."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.errors import BadMessage
from streams.message import Message
from streams.topics import AUDIT

Place = tuple[Annotated[int, Meta(ge=0, le=2**31 - 1)], Annotated[int, Meta(ge=0, le=2**63 - 1)]]
"""Partition and offset of a letter on `jobs.dead`."""


class Audit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One action of `by`, at `at`, on these letters. Written when its effect is in Kafka.

    `jobs` are the ids of the letters' jobs, in the same order. `changed` names what an edit changed, without values.
    """

    action: Literal["retry", "edit", "delete"]
    by: str
    at: datetime
    letters: list[Place]
    jobs: list[str]
    why: str = ""
    changed: list[str] = []


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Audit).decode


def encode_audit(audit: Audit) -> Message:
    """The message that carries it."""
    return Message(AUDIT, None, _encode(audit), [("content-type", b"application/json")])


def decode_audit(value: bytes | None) -> Audit:
    """What lies in a message of `treadle.audit`. Raises BadMessage."""
    try:
        return _decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"no audit can be read from this message: {error}") from error
