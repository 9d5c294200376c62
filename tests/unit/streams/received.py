"""A message that went out, as a consumer of its topic receives it."""

from streams.message import Message, Received


def as_received(message: Message, *, offset: int = 0) -> Received:
    return Received(message.topic, 0, offset, message.key, message.value, message.headers, 0)
