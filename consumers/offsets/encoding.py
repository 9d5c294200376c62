"""The map of what is incomplete above a committed offset, as text for the commit's metadata. Pure.

A commit says "everything below is finished". The map adds what lies above: up to where offsets are known, and
which of those are not finished. The next owner of the partition performs only these. A map that cannot be
read means that nothing above the commit is known: it is performed again, never skipped.

Format: base64 of version, encoding, length of the known stretch, the incomplete offsets (as differences, or as one
bit for each offset, whichever is shorter) and a CRC-32 over all of it and the committed offset.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from consumers.offsets import ownership

LIMIT = 4096
"""Characters of metadata that Kafka accepts with a commit (`offset.metadata.max.bytes`, its default)."""

_VERSION = 1
_DELTAS, _BITS = 0, 1
_ROOM = (LIMIT - ownership.ROOM) // 4 * 3 - 16  # bytes for the offsets, after base64, head and checksum
SAFE_STRETCH = _ROOM * 8
"""A stretch of this many offsets always fits, whichever of them are incomplete: one bit each."""
SAFE_COUNT = _ROOM // 5
"""This many incomplete offsets always fit, however far apart: five bytes reach over 2^35 offsets."""


class OffsetMap(NamedTuple):
    """Above a committed offset: all below `known_to` are finished, except those in `incomplete`."""

    known_to: int
    incomplete: frozenset[int]

    def is_finished(self, offset: int) -> bool:
        """Whether this offset is finished, as far as the map knows: it never is at or above `known_to`."""
        return offset < self.known_to and offset not in self.incomplete


def encode(committed: int, known_to: int, incomplete: Sequence[int]) -> str:
    """The metadata for a commit of `committed`; empty when nothing above it is finished.

    `incomplete` holds the offsets in [committed, known_to) that are not finished, ascending; the first is
    `committed` itself. Raises ValueError when the result would be over LIMIT, which admission prevents.
    """
    if known_to <= committed:
        return ""
    stretch = known_to - committed
    deltas = bytearray()
    before = committed
    for offset in incomplete:
        _append_varint(deltas, offset - before)
        before = offset
    encoding, body = _DELTAS, deltas
    if (stretch + 7) // 8 < len(deltas):
        encoding, body = _BITS, bytearray((stretch + 7) // 8)
        for offset in incomplete:
            bit = offset - committed
            body[bit >> 3] |= 1 << (bit & 7)
    head = bytearray((_VERSION, encoding))
    _append_varint(head, stretch)
    content = bytes(head + body)
    text = base64.b64encode(content + _checksum(committed, content)).decode()
    if len(text) > LIMIT - ownership.ROOM:
        raise ValueError(f"the map of {len(incomplete)} incomplete offsets has {len(text)} characters")
    return text


def decode(committed: int, metadata: str | None) -> OffsetMap | None:
    """The map in a commit's metadata; None when there is none, or it is foreign or damaged."""
    if not metadata:
        return None
    try:
        raw = base64.b64decode(metadata, validate=True)
        content, checksum = raw[:-4], raw[-4:]
        if checksum != _checksum(committed, content) or content[0] != _VERSION:
            return None
        stretch, at = _read_varint(content, 2)
        offsets = _from_deltas(content, at) if content[1] == _DELTAS else _from_bits(content, at)
        return OffsetMap(committed + stretch, frozenset(committed + offset for offset in offsets))
    except (binascii.Error, IndexError, ValueError):
        return None


def _checksum(committed: int, content: bytes) -> bytes:
    return crc32(content, committed & 0xFFFF_FFFF).to_bytes(4, "big")


def _from_deltas(content: bytes, at: int) -> list[int]:
    offsets, offset = [], 0
    while at < len(content):
        delta, at = _read_varint(content, at)
        offset += delta
        offsets.append(offset)
    return offsets


def _from_bits(content: bytes, at: int) -> list[int]:
    return [
        (index - at) * 8 + bit
        for index in range(at, len(content))
        for bit in range(8)
        if content[index] >> bit & 1
    ]


def _append_varint(out: bytearray, number: int) -> None:
    """LEB128: seven bits a byte, the lowest first, the top bit set while more follow."""
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = content[at]
        number |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return number, at
        shift += 7
