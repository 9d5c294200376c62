"""What happens to a job after a failed attempt, as data on its kind: how many retries, after which waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from streams.errors import ConfigError

LONGEST_WAIT = timedelta(days=3_653)
"""Ten years: no retry waits longer, and no job is scheduled further ahead."""

MAX_SNOOZES = 100
"""A job may be snoozed this often (`RetryLater`); after that each snooze counts as a failed attempt."""

MAX_CRASHES = 3
"""A job that has crashed this many processes becomes a dead letter, whatever its policy says."""


class Backoff(Protocol):
    """How long a job waits after a failed attempt. Its text is shown to people."""

    def wait(self, count: int, r: int) -> timedelta:
        """The wait before retry number `count`, counted from 0. `r` is a random integer from 0 to 9."""


@dataclass(frozen=True)
class Formula:
    """Sidekiq's: `count**4 + 15 + r*(count+1)` seconds (`Sidekiq::JobRetry`, 6.5)."""

    def wait(self, count: int, r: int) -> timedelta:
        """See `Backoff`. The 25th retry comes about 21 days after the first attempt."""
        return timedelta(seconds=count**4 + 15 + r * (count + 1))

    def __str__(self) -> str:
        return "Sidekiq's waits"


@dataclass(frozen=True)
class Steps:
    """These waits one after the other; the last one repeats. Raises ConfigError if there are none."""

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


class Exhausted(StrEnum):
    """What happens to a job whose retries are exhausted."""

    DEAD = "dead"
    """It becomes a dead letter: a person decides."""
    DISCARD = "discard"
    """It ends as discarded: for work that is worthless once it is late."""


@dataclass(frozen=True)
class Policy:
    """After a failed attempt there are up to `retries` more, each after the wait that `backoff` gives.

    Errors of the classes in `not_retried`, or of their subclasses, are not retried; a class may also be given by its
    name. `exhausted` says what happens when no retry is left.
    """

    retries: int = 25
    backoff: Backoff = field(default_factory=Formula)
    not_retried: tuple[type[BaseException] | str, ...] = ()
    exhausted: Exhausted = Exhausted.DEAD

    def retries_after(self, error: BaseException) -> bool:
        """Whether an attempt that ended with this error may be followed by another."""
        classes = type(error).__mro__
        return not any(each in classes or each in [c.__name__ for c in classes] for each in self.not_retried)

    def __str__(self) -> str:
        last = "" if self.exhausted is Exhausted.DEAD else ", then discarded"
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
    """A wait for a table: "30s", "5m", "1h"; in seconds if it is not a whole number of minutes or hours."""
    seconds = wait.total_seconds()
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
