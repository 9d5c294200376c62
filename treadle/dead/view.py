"""One dead letter for a person to read, and for programs as JSON."""

from __future__ import annotations

from typing import Any

from streams.dead import FAILURE, failure_of
from treadle.dead.letter import Letter
from treadle.visible import visible

_NEXT = "\n" + " " * 14


def story(row: Any) -> dict[str, Any]:
    """All there is of a row, as JSON can hold it; bytes that are no UTF-8 with backslashes."""
    letter = Letter(*row[: len(Letter._fields)])
    failure = failure_of(letter.received())
    return {
        "letter": letter.name,
        "state": row.state,
        "job": letter.job_id,
        "kind": letter.kind,
        "queue": letter.queue,
        "attempt": letter.attempt,
        "sent_before": letter.redrives,
        "died_at": letter.died_at.isoformat(),
        "error": letter.error,
        "message": letter.message,
        "backtrace": list(failure.backtrace) if failure else [],
        "first_at": letter.first_at and letter.first_at.isoformat(),
        "last_at": letter.last_at and letter.last_at.isoformat(),
        "lay_in": f"{failure.topic}/{failure.partition}@{failure.offset}" if failure else None,
        "key": _text(letter.key),
        "value": _text(letter.value),
        "headers": {name: _text(value) for name, value in letter.received().headers if name != FAILURE},
        "changed_at": row.changed_at and row.changed_at.isoformat(),
        "changed_by": row.changed_by,
        "changed_why": row.changed_why,
    }


def told(story: dict[str, Any]) -> str:
    """The same as lines of text for a terminal, without what is empty. Only names begin at a line's start."""
    lines = []
    for name, value in story.items():
        if value in (None, "", [], {}):
            continue
        if isinstance(value, dict):
            text = "".join(_NEXT + visible(f"{key} = {each}") for key, each in value.items())
        elif isinstance(value, list):
            text = "".join(_NEXT + visible(line) for line in value)
        else:
            text = visible(str(value), lines=True).replace("\n", _NEXT)
        lines.append(f"{name.replace('_', ' '):<12}  {text}")
    return "\n".join(lines)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="backslashreplace")
