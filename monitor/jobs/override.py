"""What a person may do about one waiting job: cancel it, or change when it is due.

An override is a message (`streams/overrides/message.py`). The answer is what a search found, so it may be a moment
old.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from monitor.jobs.find import Where, find_job
from monitor.note import Note
from streams.errors import BadMessage, TreadleError
from streams.headers import due_of
from streams.kafka.producer import Sender
from streams.moments import epoch_ms, from_epoch_ms
from streams.overrides.feed import override_in_force
from streams.overrides.message import STALE_FOR, Override, cancels, encode_override, forget, moved
from streams.topics import Topics
from streams.wire.home import home_topic

_TOO_CLOSE = 2_000  # milliseconds; a job due this soon is left alone: it is already on its way
_NOTHING = "nothing was changed"
_OVERTAKEN = "someone else changed this job meanwhile; check it and run the command again"
_CANCELLED = {
    Where.WAITING: "it will end as cancelled",
    Where.IN_FLIGHT: "its attempt goes on; if the job needs another, it is cancelled first",
}


class Answer(NamedTuple):
    """What was found, the evidence, and what was done about it; `changed` is whether anything was."""

    where: Where
    detail: str
    changed: bool
    done: str


@dataclass(frozen=True)
class JobOverrides:
    """Cancels and reschedules single jobs. The search for a job takes at most `within`."""

    kafka: Mapping[str, Any]
    topics: Topics
    sender: Sender
    within: timedelta

    def cancel(self, job: str, note: Note) -> Answer:
        """Cancel a job. Raises TreadleError."""
        before = override_in_force(self.kafka, job)
        override = _override("cancel", note, _still_stale(before))
        try:
            # Sent before the search: whatever starts from now on knows about it.
            self.sender.send([encode_override(job, override)])
            found = find_job(self.kafka, self.topics, job, self.within, override)
        except BaseException as error:  # Ctrl-C, too
            self._withdraw(job, override, before, str(error) or "the command was interrupted")
            raise
        if found.where in _CANCELLED:
            answer = Answer(found.where, found.detail, True, _CANCELLED[found.where])
            return self._if_in_force(job, override, answer)
        # A consumer may have been that quick.
        if found.detail == "cancelled" and found.since >= override.at.timestamp():
            return Answer(found.where, found.detail, True, "this command cancelled it")
        done = self._withdraw(job, override, before, found.detail)
        if found.cut_short:
            done += "; if a consumer took it meanwhile, it was cancelled"
        return Answer(found.where, found.detail, False, done)

    def move(self, job: str, due: datetime | None, note: Note) -> Answer:
        """Change when a job that waits in a tier is due; None: now. Raises as `cancel`.

        A copy is sent first, then the override that makes the original stale. So a command that is killed in between
        loses nothing: both are performed, under one id.
        """
        before = override_in_force(self.kafka, job)
        found = find_job(self.kafka, self.topics, job, self.within, before)
        waiting = found.message
        if waiting is None:
            return _nothing(found.where, found.detail)
        if before is not None and cancels(before, waiting):
            return _nothing(found.where, f"already cancelled by {before.by}")
        if waiting.topic not in self.topics.tiers.by_topic:
            return _nothing(found.where, f"{waiting.topic}, where it starts as soon as a slot is free")
        was, now = due_of(waiting.headers), time.time_ns() // 1_000_000
        if was is None or was - now < _TOO_CLOSE:
            return _nothing(found.where, f"{waiting.topic}, and starts within two seconds")
        topic = home_topic(waiting)
        if topic is None:
            raise BadMessage(f"job {job} waits in {waiting.topic}, but does not name its queue")
        override = _override("move", note, (*_still_stale(before), was))
        new = now if due is None else epoch_ms(due)
        while new in override.stale:  # a copy is identified by its due moment
            new += 1
        if override_in_force(self.kafka, job) != before:  # changed by someone else while we searched
            return _nothing(found.where, waiting.topic)._replace(done=_OVERTAKEN)
        self.sender.send([self.topics.tiers.send_to_wait(moved(waiting, topic, override, new), now)])
        self.sender.send([encode_override(job, override)])
        moment = from_epoch_ms(new).isoformat(timespec="seconds")
        done = "it returns to its queue now" if new <= now else f"it is due at {moment}"
        return self._if_in_force(job, override, Answer(found.where, waiting.topic, True, done))

    def _if_in_force(self, job: str, override: Override, answer: Answer) -> Answer:
        """The answer, unless another override has replaced this one meanwhile; two cancels agree."""
        current = override_in_force(self.kafka, job)
        if current is None or (
            current.id != override.id and not current.action == override.action == "cancel"
        ):
            return answer._replace(changed=False, done=_OVERTAKEN)
        return answer

    def _withdraw(self, job: str, override: Override, before: Override | None, why: str) -> str:
        """Restore the earlier override, unless someone else has written another; returns what to report."""
        try:
            current = override_in_force(self.kafka, job)
            # Ours may not be visible yet.
            if current is None or current.id == override.id or current == before:
                current = before
                self.sender.send([forget(job) if before is None else encode_override(job, before)])
        except TreadleError as error:
            raise TreadleError(
                f"{job} may end as cancelled: {why}, and the cancel could not be withdrawn ({error})"
            ) from error
        if current is not None and current.action == "cancel":
            return f"nothing was changed; it was already cancelled by {current.by}"
        return _NOTHING


def _override(action: Literal["cancel", "move"], note: Note, stale: tuple[int, ...]) -> Override:
    return Override(action, str(uuid4()), note.by, datetime.now(UTC), note.why, stale)


def _still_stale(override: Override | None) -> tuple[int, ...]:
    """The due moments of stale copies that may still leave their tiers."""
    oldest = epoch_ms(datetime.now(UTC) - STALE_FOR)
    return tuple(due for due in override.stale if due > oldest) if override else ()


def _nothing(where: Where, detail: str) -> Answer:
    return Answer(where, detail, False, _NOTHING)
