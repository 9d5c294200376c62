"""The overrides that a process knows: few, in memory, and forgotten once no copy of their jobs is left."""

from __future__ import annotations

import heapq
import time

import structlog

from streams.errors import BadMessage
from streams.message import Message
from streams.overrides.message import STALE_FOR, Override, decode_override, forget

log = structlog.get_logger()

MAX_OVERRIDES = 100_000
_AFTER_END = 60.0
"""Seconds; longer than it takes to commit an outcome, so that no crash revives a cancelled job."""


class Overrides:
    """Written by one thread, read by many. Keeps at most `MAX_OVERRIDES` (100,000); the oldest are dropped first."""

    def __init__(self) -> None:
        self._overrides: dict[str, Override] = {}
        self._to_forget: list[tuple[float, str, str]] = []
        """A heap of epoch seconds, job id and override id: another override may be in force by then."""

    def of(self, job_id: str) -> Override | None:
        """The override of this job, if any."""
        return self._overrides.get(job_id) if self._overrides else None

    def __len__(self) -> int:
        return len(self._overrides)

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """Apply a message of the topic: an override, or its withdrawal. An unreadable one is logged and skipped."""
        job = (key or b"").decode(errors="backslashreplace")
        if value is None:
            self._overrides.pop(job, None)
            return
        try:
            override = decode_override(value)
        except BadMessage as error:
            log.warning("override_unreadable", error=str(error))
            return
        self._overrides.pop(job, None)  # the newest goes to the end
        self._overrides[job] = override
        if len(self._overrides) > MAX_OVERRIDES:
            del self._overrides[next(iter(self._overrides))]
            log.warning("override_dropped", advice=f"a process keeps at most {MAX_OVERRIDES:,} overrides")
        if override.action == "move":
            self._forget_at(_stale_until(override), job, override)

    def ended(self, job_id: str) -> None:
        """This job has ended: its override is forgotten a minute later, or once its stale copies are gone."""
        if (override := self.of(job_id)) is not None:
            self._forget_at(max(time.time() + _AFTER_END, _stale_until(override)), job_id, override)

    def expired(self, now: float | None = None) -> list[Message]:
        """Messages that make every process forget the overrides that have expired (`now` in epoch seconds)."""
        now = time.time() if now is None else now
        messages = []
        while self._to_forget and self._to_forget[0][0] <= now:
            _, job, override_id = heapq.heappop(self._to_forget)
            override = self._overrides.get(job)
            if override is not None and override.id == override_id:
                messages.append(forget(job))
        return messages

    def _forget_at(self, when: float, job: str, override: Override) -> None:
        heapq.heappush(self._to_forget, (when, job, override.id))


def _stale_until(override: Override) -> float:
    return max(override.stale) / 1000 + STALE_FOR.total_seconds() if override.stale else 0.0
