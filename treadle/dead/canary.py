"""How the first jobs that were sent back fare, as `jobs.lifecycle` tells it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

from consumers.lifecycle import batch_of
from streams.topics import LIFECYCLE
from treadle.reading import open_reader, read_batches, spans

_PAUSE = 0.1  # seconds
WELL = ("succeeded", "discarded")
"""Outcomes with which a canary has come through."""


class Canary:
    """Made before the jobs are sent: it hears what is told from then on. Close it."""

    def __init__(self, kafka: Mapping[str, Any]) -> None:
        self._reader = open_reader(kafka)
        self._begins = {span.partition: span.end for span in spans(self._reader, LIFECYCLE)}

    def outcomes(
        self, jobs: Collection[str], within: timedelta, *, pause: Callable[[float], object] = time.sleep
    ) -> dict[str, str]:
        """The outcome of the next attempt of each job; those with none in time are left out.

        Returns as soon as all are known, or one did not go well, or `pause`, which gets seconds, answers yes.
        """
        found: dict[str, str] = {}
        give_up_at = time.monotonic() + within.total_seconds()
        while True:
            self._read(found, jobs)
            failed = any(outcome not in WELL for outcome in found.values())
            known = failed or len(found) == len(set(jobs))
            if known or time.monotonic() > give_up_at or pause(_PAUSE):
                return found

    def close(self) -> None:
        """Let go of the connection."""
        self._reader.close()

    def _read(self, found: dict[str, str], jobs: Collection[str]) -> None:
        new = []
        for span in spans(self._reader, LIFECYCLE):
            begin = self._begins.get(span.partition, span.begin)
            if span.end > begin:
                new.append(span._replace(begin=begin))
        for batch in read_batches(self._reader, new):
            self._begins |= batch.next_offsets
            for received in batch.messages:
                for finished in batch_of(received.value).finished:
                    if finished.job in jobs:
                        found.setdefault(finished.job, finished.outcome)
