"""What becomes of a job whose attempt failed, as data on its kind: how often it is tried, after which waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from streams.errors import ConfigError

LONGEST_WAIT = timedelta(days=3_653)
"""Ten years: no retry waits longer, and no job is enqueued for later than that."""

MOST_LATER = 100
"""So many times may a job be put off by RetryLater; from then on each counts as a failed attempt."""

MOST_CRASHES = 3
"""A job of which so many processes have died is a dead letter, whatever its policy says."""


class Backoff(Protocol):
    """How long a job waits after a failed attempt. Its text is shown to people."""

    def wait(self, count: int, r: int) -> timedelta:
        """The wait before retry number `count`, counted from 0. `r` is random, a whole number 0 to 9."""


@dataclass(frozen=True)
class Formula:
    """Sidekiq's: `count**4 + 15 + r*(count+1)` seconds (`Sidekiq::JobRetry`, 6.5)."""

    def wait(self, count: int, r: int) -> timedelta:
        """See `Backoff`. The 25th retry comes after about 21 days in all."""
        return timedelta(seconds=count**4 + 15 + r * (count + 1))

    def __str__(self) -> str:
        return "Sidekiq's waits"


@dataclass(frozen=True)
class Steps:
    """These waits one after the other; the last is repeated. Raises ConfigError without any."""

    waits: tuple[timedelta, ...]

    def __post_init__(self) -> None:
        if not self.waits or not all(isinstance(wait, timedelta) for wait in self.waits):
            raise ConfigError(
                "Steps takes one wait or more: Steps((timedelta(minutes=1), timedelta(hours=1)))"
            )

    def wait(self, count: int, r: int) -> timedelta:
        """See `Backoff`; `r` makes no difference."""
        return self.waits[min(count, len(self.waits) - 1)]

    def __str__(self) -> str:
        return f"waits of {', '.join(_short(wait) for wait in self.waits)}"


class UsedUp(StrEnum):
    """What happens when no retry is left."""

    DEAD = "dead"
    """It becomes a dead letter: a person decides."""
    DISCARD = "discard"
    """It ends, counted as discarded: for work that is worth nothing once it is late."""


@dataclass(frozen=True)
class Policy:
    """After a failed attempt there are `retries` more, each after a wait that `backoff` gives.

    Errors of the classes in `not_retried` (or of classes derived from them) use up all retries at once; where the
    class is not at hand, its name serves.
    """

    retries: int = 25
    backoff: Backoff = field(default_factory=Formula)
    not_retried: tuple[type[BaseException] | str, ...] = ()
    used_up: UsedUp = UsedUp.DEAD

    def retries_after(self, error: BaseException) -> bool:
        """Whether an attempt that ended with this error may be followed by another."""
        classes = type(error).__mro__
        return not any(each in classes or each in [c.__name__ for c in classes] for each in self.not_retried)

    def __str__(self) -> str:
        last = "" if self.used_up is UsedUp.DEAD else ", then discarded"
        return f"{self.retries} retries, {self.backoff}{last}" if self.retries else f"no retries{last}"


USUAL = Policy()
NO_RETRIES = Policy(retries=0)
CRITICAL = Policy(
    backoff=Steps(
        (
            timedelta(seconds=30),
            *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30)),
            timedelta(hours=1),
        )
    )
)


def _short(wait: timedelta) -> str:
    """A wait for a table: "30s", "5m", "1h"; what is no whole number of these in seconds."""
    seconds = wait.total_seconds()
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
