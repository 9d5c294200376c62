"""What happened to jobs is told in batches, and goes on being told whatever is in one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from consumers.lifecycle import Batch, Finished, Lifecycle, Running, batch_of
from streams.topics import LIFECYCLE
from tests.support.fakes.memory_log import MemoryLog
from tests.support.waiting import wait_until


def finished(job: str, reason: Any = "") -> Finished:
    return Finished(job, "test.greet", "low", 1, "discarded", 0.0, 0.1, reason)


class Telling:
    """A lifecycle that tells every few milliseconds what `at_work` says and what is recorded."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.broken = False
        self.lifecycle = Lifecycle(self.log, self.at_work, every=timedelta(milliseconds=2))
        self.lifecycle.start()

    def at_work(self, since: float) -> list[Running]:
        if self.broken:
            raise RuntimeError("a fault of ours")
        return []

    @property
    def told(self) -> list[str]:
        batches = [batch_of(message.value) for message in self.log.of(LIFECYCLE)]
        return [each.job for batch in batches for each in batch.finished]


@pytest.fixture
def telling() -> Iterator[Telling]:
    telling = Telling()
    yield telling
    telling.lifecycle.close()


@pytest.mark.parametrize("reason", [LookupError("no text"), "\udcff"])
def test_a_reason_that_cannot_be_written_is_not_told_and_the_next_is(telling: Telling, reason: Any) -> None:
    telling.lifecycle.record(finished("bad", reason))
    wait_until(lambda: not telling.lifecycle._finished, told="it is out of memory")
    telling.lifecycle.record(finished("good"))

    wait_until(lambda: telling.told == ["good"], told="the next is told")


def test_a_fault_while_it_tells_ends_when_the_fault_does(telling: Telling) -> None:
    telling.broken = True
    telling.lifecycle.record(finished("bad"))
    wait_until(lambda: not telling.lifecycle._finished, told="it is out of memory")
    telling.broken = False
    telling.lifecycle.record(finished("good"))

    wait_until(lambda: telling.told[-1:] == ["good"], told="the next is told")


def test_what_is_left_is_told_at_the_end() -> None:
    telling = Telling()
    telling.lifecycle.record(finished("last"))

    telling.lifecycle.close()

    assert telling.told == ["last"]


@pytest.mark.parametrize("value", [None, b"", b"{}", b'{"process":"\xff"}', b'{"process":' + b"[" * 100_000])
def test_what_is_no_batch_tells_nothing(value: bytes | None) -> None:
    assert batch_of(value) == Batch("", [])
