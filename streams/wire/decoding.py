"""Decoding JSON that anyone may have written: whatever is wrong with it is a BadMessage."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from streams.errors import BadMessage

_Read = TypeVar("_Read")

UNREADABLE = (ValueError, RecursionError)
"""What decoding raises: for what is not JSON, not UTF-8 or of another shape, and for what is nested too deeply."""


def read_json(decoder: msgspec.json.Decoder[_Read], value: bytes | None, what: str) -> _Read:
    """The value, as the type of this decoder. Raises BadMessage, which names `what` it should have been."""
    try:
        return decoder.decode(value or b"")
    except UNREADABLE as error:
        raise BadMessage(f"no {what} can be read from this message: {error}") from error
