"""The closed set of what an attempt can end in."""

from dataclasses import dataclass

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
class Dead:
    """No machine will try it again."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A person wanted it no more before it began: who, and why."""

    by: str
    why: str


Outcome = Succeeded | Discarded | Dead | Cancelled
