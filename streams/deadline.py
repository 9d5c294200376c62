"""A deadline: the moment by which a wait must end."""

from __future__ import annotations

import time
from datetime import timedelta


class Deadline:
    """A moment on the monotonic clock, a `timedelta` or seconds from now; with 0 or less it is already over."""

    __slots__ = ("_at",)

    def __init__(self, within: timedelta | float) -> None:
        seconds = within.total_seconds() if isinstance(within, timedelta) else within
        self._at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, never below 0."""
        return max(0.0, self._at - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return time.monotonic() >= self._at
