"""Moments of the past as people write them on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer

_AGO = re.compile(r"(\d{1,6})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str | None, option: str, now: datetime | None = None) -> datetime | None:
    """The moment meant by "2h" (so long ago) or by ISO 8601 with a zone; None for None. Refuses what is neither."""
    if text is None:
        return None
    now = now or datetime.now(UTC)
    try:
        if match := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):  # so many days ago there was no year 1
        found = None
    if found is None or found.tzinfo is None:
        raise typer.BadParameter(
            f"{text!r} is no moment: write 30m, 2h or 7d ago, or 2026-11-24T14:00:00Z", param_hint=option
        )
    return found
