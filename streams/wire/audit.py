"""What people did with dead letters, on `treadle.audit`. A rebuilt store learns from it which are still dead."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.headers import CONTENT_TYPE
from streams.message import Message
from streams.topics import AUDIT
from streams.wire.decoding import read_json

Position = tuple[Annotated[int, Meta(ge=0, le=2**31 - 1)], Annotated[int, Meta(ge=0, le=2**63 - 1)]]
"""Partition and offset of a dead letter on `jobs.dead`."""


class Audit(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `by` did with these dead letters at `at`. Written once its effect is in Kafka.

    `jobs` are the ids of their jobs, in the same order. `changed` names what an edit changed, without values.
    """

    action: Literal["retry", "edit", "delete"]
    by: str
    at: datetime
    dead_letters: list[Position]
    jobs: list[str]
    why: str = ""
    changed: list[str] = []


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Audit)


def encode_audit(audit: Audit) -> Message:
    """The message that carries this audit."""
    return Message(AUDIT, None, _encode(audit), [(CONTENT_TYPE, b"application/json")])


def decode_audit(value: bytes | None) -> Audit:
    """The audit in a message of `treadle.audit`. Raises BadMessage."""
    return read_json(_decoder, value, "audit")
