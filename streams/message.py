"""Messages as Kafka carries them, without any Kafka client: what goes out, and what came in."""

from typing import NamedTuple

Headers = list[tuple[str, bytes | None]]
"""A header has a name and bytes, or no value: Kafka allows null, and clients send it."""

HEADERS_LOST = "treadle_headers_lost"
"""In the place of headers that could not be read, and why."""


class Message(NamedTuple):
    """Something to be written to a topic; to one partition of it, or to that of its key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None = None


class Received(NamedTuple):
    """A message as it lies in a topic: raw bytes, and where it stands. `timestamp` is epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int
