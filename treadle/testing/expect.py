"""Assertions about what follows from an attempt. Their messages show what follows instead."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from consumers.attempt.outcome import Outcome, Succeeded
from streams.envelope import Envelope
from streams.event import Event
from streams.job import Job, Queue
from streams.moments import due_at, epoch_ms
from treadle.testing.outcomes import envelopes, published, worded


def assert_enqueued(
    outcome: Outcome,
    *jobs: Job,
    queue: Queue | None = None,
    key: str | None = None,
    delay: timedelta | None = None,
    at: datetime | None = None,
) -> None:
    """Assert that the attempt enqueued each of these jobs, as often as it is listed; others may follow as well.

    All of them in this `queue`, under this `key`, and due after this `delay` or `at` this moment (aware; to the
    millisecond), where given; `timedelta()` is immediately. For exactly these jobs and no others, compare
    `enqueued(outcome)` with a list.

    Raises AssertionError, which shows what was enqueued or why the attempt failed; TypeError when no job is listed.
    """
    __tracebackhide__ = True
    if not jobs:
        raise TypeError("name the jobs; that nothing is enqueued reads: assert enqueued(outcome) == []")
    found = envelopes(outcome)
    left = list(found)
    for job in jobs:
        match = next((each for each in left if each.job == job and _fits(each, queue, key, delay, at)), None)
        if match is None:
            missing = f"{job!r}{_where(queue, key)}{_when(delay, at)}"
            raise AssertionError(
                _instead(f"not enqueued: {missing}", "Enqueued", map(_shown, found), outcome)
            )
        left.remove(match)


def assert_published(outcome: Outcome, kind: str, **fields: Any) -> None:
    """Assert that the attempt published an event of this kind with these fields: `poll_id=7`. Others may follow.

    Raises AssertionError, which shows what was published or why the attempt failed; AttributeError for a field that
    events do not have.
    """
    __tracebackhide__ = True
    found = published(outcome)
    if unknown := fields.keys() - set(Event.__struct_fields__):
        raise AttributeError(f"an event has no field {', '.join(sorted(unknown))}")
    for event in found:
        if event.kind == kind and all(getattr(event, name) == value for name, value in fields.items()):
            return
    missing = ", ".join([kind, *(f"{name}={value!r}" for name, value in fields.items())])
    raise AssertionError(_instead(f"not published: {missing}", "Published", map(repr, found), outcome))


def _fits(
    envelope: Envelope, queue: Queue | None, key: str | None, delay: timedelta | None, at: datetime | None
) -> bool:
    if queue is not None and envelope.queue != queue:
        return False
    if key is not None and envelope.key != key:
        return False
    if delay is None and at is None:
        return True
    due = due_at(envelope.time, delay=delay, at=at)  # its time is the `now` of the attempt
    return (due and epoch_ms(due)) == (envelope.due and epoch_ms(envelope.due))


def _shown(envelope: Envelope) -> str:
    due = f", due {envelope.due.isoformat()}" if envelope.due else ""
    return f"{envelope.job!r}{_where(envelope.queue, envelope.key)}{due}"


def _where(queue: Queue | None, key: str | None) -> str:
    return (f", queue {queue}" if queue else "") + (f", key {key}" if key else "")


def _when(delay: timedelta | None, at: datetime | None) -> str:
    if delay is not None:
        return f", after {delay}"
    return f", due {at.isoformat()}" if at else ""


def _instead(missing: str, done: str, found: Iterable[str], outcome: Outcome) -> str:
    shown = [f"  {each}" for each in found]
    lines = [missing, f"{done} instead:" if shown else f"{done}: nothing.", *shown]
    if not isinstance(outcome, Succeeded):
        lines.append(f"The attempt did not succeed: {worded(outcome)}")
    return "\n".join(lines)
