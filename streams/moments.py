"""Moments: from text of people and messages to aware `datetime`, and to epoch milliseconds and back. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

from streams.errors import BadMessage
from streams.policy import LONGEST_WAIT

EARLIEST_MS, LATEST_MS = -62_135_596_800_000, 253_402_300_799_999
"""What a `datetime` can hold, in epoch milliseconds: the years 1 to 9999."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SHORT = re.compile(r"(\d+[smhdw])+", re.ASCII)
_PART = re.compile(r"(\d+)([smhdw])", re.ASCII)


def epoch_ms(moment: datetime) -> int:
    """The moment in epoch milliseconds, rounded up."""
    return -((_EPOCH - moment) // _MS)


def from_epoch_ms(ms: int) -> datetime:
    """The moment (aware, UTC) of these epoch milliseconds. Raises OverflowError outside the years 1 to 9999."""
    return _EPOCH + timedelta(milliseconds=ms)


def due_at(now: datetime, *, delay: timedelta | None = None, at: datetime | None = None) -> datetime | None:
    """The moment (aware, UTC) at which a job is due; None for now, also when the moment is past.

    Raises BadMessage for a moment without a time zone, for one more than ten years ahead, and when both are given.
    """
    if delay is not None and at is not None:
        raise BadMessage("a job is due after a delay or at a moment, not both")
    if at is not None and at.utcoffset() is None:
        raise _no_zone(at)
    wait = at - now if at is not None else delay
    if wait is None or wait <= timedelta():
        return None
    if wait > LONGEST_WAIT:
        raise BadMessage(f"that is {wait.days:,} days ahead; a job may wait at most ten years")
    return now + wait if at is None else at.astimezone(UTC)


def read_due(now: datetime, delay: str | None, at: str | None) -> datetime | None:
    """`due_at`, from text. Raises BadMessage."""
    return due_at(
        now,
        delay=read_delay(delay) if delay is not None else None,
        at=read_moment(at) if at is not None else None,
    )


def read_delay(text: str) -> timedelta:
    """A duration from "90s", "5m", "1h30m", "2d", "1w" or ISO 8601 ("PT5M"). Raises BadMessage."""
    try:
        if _SHORT.fullmatch(text):
            parts = _PART.findall(text)
            return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
        return msgspec.convert(text, timedelta)
    except (ValueError, OverflowError):  # also more digits than Python converts
        raise BadMessage(f"{text!r} is not a duration: write 90s, 5m, 2h, 1d, 1h30m or PT5M") from None


def read_moment(text: str, zone: tzinfo | None = None) -> datetime:
    """A moment from ISO 8601 ("2026-01-31T09:00:00+01:00"). Raises BadMessage.

    One without a time zone is taken to be in `zone`, and refused if there is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadMessage(f"{text!r} is not a time: write 2026-01-31T09:00:00+01:00") from None
    if moment.tzinfo is not None:
        return moment
    if zone is None:
        raise _no_zone(moment)
    return moment.replace(tzinfo=zone)


def read_past(text: str, now: datetime) -> datetime:
    """A moment from "2h" (that long ago) or from ISO 8601 with its time zone. Raises BadMessage."""
    try:
        if _SHORT.fullmatch(text):
            return now - read_delay(text)
        return read_moment(text)
    except (BadMessage, OverflowError):  # enough days ago is before the year 1
        raise BadMessage(
            f"{text!r} is not a time: write 30m, 2h or 7d (ago), or 2026-11-24T14:00:00Z"
        ) from None


def _no_zone(moment: datetime) -> BadMessage:
    text = moment.isoformat()
    return BadMessage(f"{text} has no time zone: write {text}Z, or an offset such as +01:00")
