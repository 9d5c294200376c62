"""Builders of messages, envelopes, facts and jobs. A test names only what matters to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from streams.envelope import Envelope
from streams.event import Event
from streams.job import Job, Kinds, Queue, kind_of
from streams.message import Headers, Received
from streams.tick import Tick
from tests.support.planned import PLANNED

NOW = datetime(2025, 12, 8, 18, 7, tzinfo=UTC)


class Greet(Job, kind="test.greet", queue=Queue.LOW, key="person:{name}", replaces="GreetWorker"):
    """A job with one required and two optional arguments."""

    name: str
    times: int = 1
    polite: bool | None = None


class Count(Job, kind="test.count", replaces="CountService.count_all"):
    """A job that Loomio calls by class and method."""

    upto: int
    step: int | None = None


TIERS = PLANNED.tiers
KINDS = Kinds([kind_of(Greet), kind_of(Count)])


def a_message(
    value: bytes | None = b'{"name":"Ada"}', *, more: Headers | None = None, **changes: Any
) -> Received:
    """A message in `jobs.low` that asks for a `test.greet`.

    A dict of `headers` changes the default ones; None leaves one out. `more` are appended as they are, even if null or
    a second header of the same name.
    """
    headers: dict[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_id": b"id-1",
        "ce_type": b"test.greet",
        "ce_source": b"/test",
        "ce_time": b"2025-12-08T18:07:00+00:00",
    }
    given = changes.pop("headers", {})
    if isinstance(given, dict):
        headers |= given
        given = [(name, text) for name, text in headers.items() if text is not None]
    given = [*given, *(more or [])]
    position: dict[str, Any] = {"topic": "jobs.low", "partition": 2, "offset": 7, "key": None}
    return Received(
        **(position | {"value": value, "headers": given, "timestamp": 1_765_217_220_000} | changes)
    )


def an_envelope(job: Job | None = None, **fields: Any) -> Envelope:
    """An envelope with a job: `Greet` for Ada unless another is given."""
    job = job or Greet("Ada")
    defaults: dict[str, Any] = {
        "id": "id-1",
        "queue": kind_of(job).queue,
        "source": "/test",
        "time": NOW,
        "key": kind_of(job).key_of(job),
    }
    return Envelope(job=job, **(defaults | fields))


def a_tick(**changes: Any) -> Tick:
    defaults: dict[str, Any] = {
        "schedule": "polls.close_expired",
        "due_at": datetime(2025, 12, 8, 18, tzinfo=UTC),
        "since": datetime(2025, 12, 8, 17, tzinfo=UTC),
    }
    return Tick(**(defaults | changes))


def a_fact(**changes: Any) -> Event:
    """An event, as the agents read it."""
    defaults: dict[str, Any] = {
        "id": 31,
        "kind": "poll_expired",
        "eventable_type": "Poll",
        "eventable_id": 42,
        "created_at": NOW,
    }
    return Event(**(defaults | changes))
