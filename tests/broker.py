"""A Kafka for one test alone, where the broker itself or a topic is to come to harm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.line import make_topics
from treadle.local.stack import Stack


@contextmanager
def a_broker(folder: Path) -> Iterator[Stack]:
    """A broker with all of our topics, in this folder. It is gone afterwards."""
    stack = Stack(folder, given_database="postgresql://unused", durable=False)
    try:
        stack.up()
        make_topics(stack.kafka)
        yield stack
    finally:
        stack.down(delete=True)
