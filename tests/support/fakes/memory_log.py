"""A log in memory: takes messages as the producer does, and keeps them where a test can read them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from streams.errors import NotDelivered
from streams.message import Message
from streams.producer import Done


class MemoryLog:
    """A Sender. Topics named in `missing` take nothing; what was taken is in `messages`, oldest first.

    `done` of `send_then` is called from a thread of its own, as the producer calls it.
    """

    def __init__(self, *, missing: Iterable[str] = ()) -> None:
        self.messages: list[Message] = []
        self.waits = 0
        self._missing = set(missing)

    def send(self, messages: Iterable[Message]) -> None:
        self.waits += 1
        failure = self._take(list(messages))
        if failure:
            raise failure

    def send_then(self, messages: Sequence[Message], done: Done) -> None:
        failure = self._take(messages)
        threading.Thread(target=done, args=(failure,)).start()

    def of(self, topic: str) -> list[Message]:
        """The messages of one topic, oldest first."""
        return [message for message in self.messages if message.topic == topic]

    def _take(self, messages: Sequence[Message]) -> NotDelivered | None:
        failure = None
        for message in messages:
            if message.topic not in self._missing:
                self.messages.append(message)
            elif failure is None:
                failure = NotDelivered(f"Kafka did not take a message for {message.topic}: it is missing")
        return failure
