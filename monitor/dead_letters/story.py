"""Everything there is to know about one dead letter, as a value that JSON can hold."""

from __future__ import annotations

from typing import Any

from monitor.dead_letters.row import Row
from streams.headers import FAILURE
from streams.wire.failure import failure_of


def story(stored: Any) -> dict[str, Any]:
    """A row of the store, with all its columns. Bytes that are not UTF-8 are written with backslashes.

    `origin` is where the message was when its job failed: topic/partition@offset.
    """
    row = Row(*stored[: len(Row._fields)])
    received = row.received()
    failure = failure_of(received)
    return {
        "dead_letter": row.name,
        "state": stored.state,
        "job": row.job_id,
        "kind": row.kind,
        "queue": row.queue,
        "attempt": row.attempt,
        "redrives": row.redrives,
        "died_at": row.died_at.isoformat(),
        "error": row.error,
        "message": row.message,
        "backtrace": list(failure.backtrace) if failure else [],
        "first_at": row.first_at and row.first_at.isoformat(),
        "last_at": row.last_at and row.last_at.isoformat(),
        "origin": f"{failure.topic}/{failure.partition}@{failure.offset}" if failure else None,
        "key": _text(row.key),
        "value": _text(row.value),
        "headers": {name: _text(value) for name, value in received.headers if name != FAILURE},
        "changed_at": stored.changed_at and stored.changed_at.isoformat(),
        "changed_by": stored.changed_by,
        "changed_why": stored.changed_why,
    }


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="backslashreplace")
