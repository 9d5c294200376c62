"""Messages as Kafka carries them, without any Kafka client: outgoing ones, and received ones."""

from typing import NamedTuple

Headers = list[tuple[str, bytes | None]]
"""A header is a name and bytes, or a name and null: Kafka allows it, and clients send it."""


class Message(NamedTuple):
    """A message to be written to a topic: to the partition given, else to that of its key.

    `due` (epoch milliseconds) repeats the moment in its headers, for `Tiers.send_to_wait`.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None = None
    due: int | None = None


class Received(NamedTuple):
    """A message as read from a topic: raw bytes, and its position. `timestamp` is epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int
