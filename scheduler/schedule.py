"""What a schedule is: a recurring moment with a name."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum


class Missed(Enum):
    """What happens to moments that passed while no scheduler ran."""

    SKIP = "skip"
    """They are dropped."""
    LATEST = "latest"
    """One tick, for the newest; it reaches back to the previous tick."""
    ALL = "all"
    """One tick for each, oldest first."""


@dataclass(frozen=True)
class Schedule:
    """`cron` is a cron expression in `zone` (IANA). Missed moments count as far back as `reach`; None: all."""

    name: str
    cron: str
    missed: Missed = Missed.LATEST
    reach: timedelta | None = None
    zone: str = "UTC"
