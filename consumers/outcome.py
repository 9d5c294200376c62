"""The closed set of what an attempt can end in."""

from dataclasses import dataclass
from datetime import datetime

from streams.dead import Failure
from streams.message import Message


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Done. `follow_ups` are to be acknowledged by Kafka before the job counts as complete."""

    follow_ups: tuple[Message, ...] = ()


NOTHING_FOLLOWS = Succeeded()
"""What most attempts end in."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """No longer needed; `reason` says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """It is performed again once `due` has passed, as attempt number `attempt`.

    `failure` says why, unless the job was only put off; `later` counts how often its worker did that so far.
    """

    due: datetime
    attempt: int
    later: int = 0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """No machine will try it again."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A person wanted it no more before it began: who, and why."""

    by: str
    why: str


Outcome = Succeeded | Retrying | Discarded | Dead | Cancelled
