"""When a job for later is due, from what a person or a program says about it. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from streams.errors import BadMessage
from streams.policy import LONGEST_WAIT

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SHORT = re.compile(r"(\d+[smhdw])+")


def due_at(now: datetime, *, delay: timedelta | None = None, at: datetime | None = None) -> datetime | None:
    """The moment (aware, UTC) that a job is due; None: now, as also when the moment is past.

    Raises BadMessage for a moment without zone, for one more than ten years ahead, and when both are given.
    """
    if delay is not None and at is not None:
        raise BadMessage("a job is due after a delay or at a moment, not both")
    if at is not None and at.utcoffset() is None:
        raise BadMessage(f"{at.isoformat()} has no zone: write {at.isoformat()}+00:00, or whichever it is")
    wait = at - now if at is not None else delay
    if wait is None or wait <= timedelta():
        return None
    if wait > LONGEST_WAIT:
        raise BadMessage(f"that is {wait.days:,} days ahead; a job may wait ten years")
    return now + wait if at is None else at.astimezone(UTC)


def read_due(now: datetime, delay: str | None, at: str | None) -> datetime | None:
    """`due_at`, from what a person wrote. Raises BadMessage."""
    return due_at(
        now,
        delay=read_delay(delay) if delay is not None else None,
        at=read_moment(at) if at is not None else None,
    )


def read_delay(text: str) -> timedelta:
    """A duration from "90s", "5m", "1h30m", "2d", "1w" or ISO 8601 ("PT5M"). Raises BadMessage."""
    try:
        if _SHORT.fullmatch(text):
            parts = re.findall(r"(\d+)([smhdw])", text)
            return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
        return msgspec.convert(text, timedelta)
    except (msgspec.ValidationError, OverflowError):
        raise BadMessage(f"{text!r} is no duration: write 90s, 5m, 2h, 1d, 1h30m or PT5M") from None


def read_moment(text: str) -> datetime:
    """A moment from ISO 8601 with its zone ("2026-01-31T09:00:00+01:00"). Raises BadMessage."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadMessage(f"{text!r} is no moment: write 2026-01-31T09:00:00+01:00") from None
    if moment.utcoffset() is None:
        raise BadMessage(f"{text!r} has no zone: write {moment.isoformat()}Z, or +01:00 for Z")
    return moment
