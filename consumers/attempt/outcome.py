"""The closed set of what an attempt can end in."""

from dataclasses import dataclass
from datetime import datetime

from streams.message import Message
from streams.wire.failure import Failure


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Done. Kafka has to acknowledge `follow_ups` before the job counts as complete."""

    follow_ups: tuple[Message, ...] = ()


NOTHING_FOLLOWS = Succeeded()
"""The outcome of most attempts."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """No longer needed; `reason` says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """It is performed again once `due` has passed, as attempt number `attempt`.

    `failure` says why, unless the job was snoozed or arrived before it was due; `snoozes` counts how often its worker
    has snoozed it so far.
    """

    due: datetime
    attempt: int
    snoozes: int = 0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """No machine will try it again."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A person cancelled it before it began: who, and why."""

    by: str
    why: str


Outcome = Succeeded | Retrying | Discarded | Dead | Cancelled
