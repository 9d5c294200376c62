"""A Kafka for one test alone, where the broker itself or a topic is to come to harm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.support.guardian import guarded
from treadle.local.stack import Stack


@contextmanager
def a_broker(folder: Path) -> Iterator[Stack]:
    """A broker in this folder, without topics. It is gone afterwards."""
    stack = Stack(folder, given_database="postgresql://unused", durable=False)
    with guarded(folder):
        try:
            stack.up()
            yield stack
        finally:
            stack.down(delete=True)


def kill(broker: Stack) -> None:
    """With -9. `up` has it come back."""
    pid = broker.status().kafka.pid
    assert pid is not None
    process = psutil.Process(pid)
    process.kill()
    process.wait(10)
