"""Every header's name, and the one way to read a header: of two with the same name, the last counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from streams.message import Headers
from streams.moments import EARLIEST_MS, LATEST_MS

SPEC_VERSION = "ce_specversion"
ID = "ce_id"
TYPE = "ce_type"
SOURCE = "ce_source"
TIME = "ce_time"
"""CloudEvents 1.0 in binary mode: version, id, kind, cause, and the moment of enqueueing (RFC 3339)."""

TRACEPARENT = "traceparent"
"""W3C trace context."""

QUEUE = "treadle_queue"
"""The home queue of a job that waits or has failed. A job that never waited is in its queue's topic."""

ATTEMPT = "treadle_attempt"
"""The number of the next attempt. Omitted for the first."""

DUE = "treadle_due"
"""The moment before which the job must not start, in epoch milliseconds."""

SNOOZES = "treadle_snoozes"
"""How often the job's worker has snoozed it (`RetryLater`)."""

FAILURE = "treadle_failure"
"""Why the last attempt failed, as JSON (`streams.wire.failure.Failure`)."""

REDRIVES = "treadle_redrives"
"""How often the job was redriven. It stays with the job, so that one that dies again can be recognised."""

MOVED = "treadle_moved"
"""The id of the override that rescheduled this copy of a waiting job. It stays with the copy."""

RELEASED = "treadle_released"
"""The id of a cancel that no longer applies, because the job was redriven after it."""

HEADERS_LOST = "treadle_headers_lost"
"""The only header of a message whose headers the client could not read; says why."""

CONTENT_TYPE = "content-type"

MAX_NUMBER = 2**31 - 1
"""The largest number taken from a header; a larger one counts as this."""


by_name: Callable[[Headers], dict[str, bytes | None]] = dict
"""All headers by name, for a reader that wants most of them: `dict` itself, as every job is read with it."""


def value_of(headers: Headers, name: str) -> bytes | None:
    """One header's bytes; None when it is missing or null."""
    for each, value in reversed(headers):
        if each == name:
            return value
    return None


def text_of(headers: Headers, name: str) -> str:
    """A header as text, whatever its bytes are; empty when it is missing."""
    return (value_of(headers, name) or b"").decode(errors="backslashreplace")


def number_of(headers: Headers, name: str) -> int:
    """A header as a number, at most `MAX_NUMBER`; 0 when it is missing or unreadable."""
    text = text_of(headers, name)
    return min(int(text), MAX_NUMBER) if text.isdecimal() and text.isascii() and len(text) < 20 else 0


def due_of(headers: Headers) -> int | None:
    """The due moment, in epoch milliseconds. None when it is missing or unreadable.

    A moment outside the years 1 to 9999 is unreadable: the job does not wait, and becomes a dead letter when a
    consumer reads it.
    """
    try:
        due = int(value_of(headers, DUE) or b"")
    except ValueError:
        return None
    return due if EARLIEST_MS <= due <= LATEST_MS else None


def replaced(headers: Headers, new: Mapping[str, bytes]) -> Headers:
    """The headers, with `new` replacing all of the same names. The others stay byte for byte."""
    return [*(each for each in headers if each[0] not in new), *new.items()]
