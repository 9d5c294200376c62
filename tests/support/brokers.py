"""A Kafka for one test alone, which may kill the broker or damage its topics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from streams.errors import ConfigError
from tests.support.guardian import guarded
from treadle.dev.local.stack import Stack


@contextmanager
def a_broker(folder: Path) -> Iterator[Stack]:
    """A broker in this folder, without topics. It is deleted afterwards."""
    stack = Stack(folder, given_database="postgresql://unused", durable=False)
    with guarded(folder):
        try:
            bring_up(stack)
            yield stack
        finally:
            stack.down(delete=True)


def bring_up(stack: Stack) -> None:
    """Start a stack, with a second try on new ports.

    Of several hundred starts, many at the same time, one broker never answered and two ended while starting; why is
    not known. What a user sees then is tested in `test_local_stack.py`.
    """
    try:
        stack.up()
    except ConfigError as error:
        print(f"second try: {error}")
        stack.down(delete=True)
        stack.up()


def kill(broker: Stack) -> None:
    """Kill it with -9. `up` restarts it."""
    pid = broker.status().kafka.pid
    assert pid is not None
    process = psutil.Process(pid)
    process.kill()
    process.wait(10)
