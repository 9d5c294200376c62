"""How the first few jobs of a redrive fare, as consumers report it on `jobs.lifecycle`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, Self

from streams.deadline import Deadline
from streams.kafka.reader import Reader
from streams.topics import LIFECYCLE
from streams.wire.lifecycle import decode_batch

_PAUSE = 0.1  # seconds
PASSED = ("succeeded", "discarded")
"""Outcomes with which a job of the canary has passed."""


class Canary:
    """Made before the jobs are sent: it reads what is reported from then on. A context manager."""

    def __init__(self, kafka: Mapping[str, Any]) -> None:
        self._reader = Reader(kafka)
        self._next_offsets = {each.partition: each.end for each in self._reader.ranges(LIFECYCLE)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def outcomes(
        self, jobs: Collection[str], within: timedelta, *, pause: Callable[[float], object] = time.sleep
    ) -> dict[str, str]:
        """The outcome of the next attempt of each job; jobs without one by then are left out.

        Returns as soon as all are known or one has not passed, or when `pause`, which is given seconds, returns
        something true.
        """
        found: dict[str, str] = {}
        wanted, deadline = set(jobs), Deadline(within)
        while True:
            self._read(found, wanted)
            failed = any(outcome not in PASSED for outcome in found.values())
            known = failed or len(found) == len(wanted)
            if known or deadline.over or pause(_PAUSE):
                return found

    def _read(self, found: dict[str, str], wanted: set[str]) -> None:
        new = []
        for each in self._reader.ranges(LIFECYCLE):
            begin = self._next_offsets.get(each.partition, each.begin)
            if each.end > begin:
                new.append(each._replace(begin=begin))
        for batch in self._reader.batches(new):
            self._next_offsets |= batch.next_offsets
            for received in batch.messages:
                for finished in decode_batch(received.value).finished:
                    if finished.job in wanted:
                        found.setdefault(finished.job, finished.outcome)
