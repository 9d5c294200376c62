"""A log in memory: accepts messages as the producer does, and keeps them for a test to read."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from streams.errors import NotDelivered
from streams.kafka.producer import Done
from streams.message import Message


class MemoryLog:
    """A Sender. Topics in `missing` accept nothing; `messages` has what was accepted, oldest first.

    `send_then` calls `done` from another thread, as the producer does.
    """

    def __init__(self, *, missing: Iterable[str] = ()) -> None:
        self.messages: list[Message] = []
        self.waits = 0
        self._missing = set(missing)

    def send(self, messages: Iterable[Message]) -> None:
        self.waits += 1
        failure = self._accept(list(messages))
        if failure:
            raise failure

    def send_then(self, messages: Sequence[Message], done: Done) -> None:
        failure = self._accept(messages)
        threading.Thread(target=done, args=(failure,)).start()

    def of(self, topic: str) -> list[Message]:
        """The messages of one topic, oldest first."""
        return [message for message in self.messages if message.topic == topic]

    def _accept(self, messages: Sequence[Message]) -> NotDelivered | None:
        failure = None
        for message in messages:
            if message.topic not in self._missing:
                self.messages.append(message)
            elif failure is None:
                failure = NotDelivered(f"Kafka did not accept a message for {message.topic}: it is missing")
        return failure
