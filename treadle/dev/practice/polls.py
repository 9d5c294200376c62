"""The plan of a poll of the practice co-op: its state, times and rules, before anyone has voted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from treadle.dev.practice.ballots import POLL_TYPES
from treadle.dev.practice.chance import Chance
from treadle.dev.practice.people import Circle, Person

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class State(Enum):
    """The state of a poll at the present moment of the co-op."""

    DRAFT = "without closing time"
    OPEN = "open"
    CLOSING_SOON = "closes within a day"
    LAPSED = "past its closing time and not closed"
    CLOSED = "closed"


@dataclass(frozen=True)
class Plan:
    """A poll to be made. `hide_results`: 0 off, 1 until_vote, 2 until_closed."""

    state: State
    poll_type: str
    circle: Circle
    author: Person
    created_at: datetime
    closing_at: datetime | None
    closed_at: datetime | None
    closed_by_hand: bool
    in_thread: bool
    anonymous: bool
    hide_results: int
    specified_voters_only: bool
    quorum_pct: int | None
    discarded: bool


def plan(chance: Chance, state: State, number: int, circle: Circle) -> Plan:
    """Plan poll `number` of this state. The number determines the rules, so that few polls show all of them."""
    in_thread = circle.group_id is None or number % 4 != 3
    author = circle.someone(chance, chance.now - timedelta(days=30))
    created_at, closing_at = _times(chance, state, number, author.zone)
    by_hand = state is State.CLOSED and number % 3 == 1
    closed_at = None
    if state is State.CLOSED and closing_at is not None:
        closed_at = (
            chance.between(created_at + _DAY, closing_at) if by_hand else _next_hour(chance, closing_at)
        )
    return Plan(
        state=state,
        poll_type=POLL_TYPES[number % len(POLL_TYPES)],
        circle=circle,
        author=author,
        created_at=created_at,
        closing_at=closing_at,
        closed_at=closed_at,
        closed_by_hand=by_hand,
        in_thread=in_thread,
        anonymous=number % 5 == 1,
        hide_results=(0, 0, 2, 0, 1, 0, 2)[number % 7],
        specified_voters_only=number % 8 == 3,
        quorum_pct=50 if number % 6 == 1 else None,
        discarded=state in (State.OPEN, State.CLOSED) and not in_thread and number % 11 == 3,
    )


def _times(chance: Chance, state: State, number: int, zone: str) -> tuple[datetime, datetime | None]:
    """Created and closing time; the latter is a full hour in the author's time zone, as people choose it."""
    now = chance.now
    match state:
        case State.DRAFT:
            return chance.ago(5 * _DAY, _HOUR), None
        case State.OPEN:
            return chance.ago(9 * _DAY, _HOUR), full_hour(now + chance.number(2 * 24, 14 * 24) * _HOUR, zone)
        case State.CLOSING_SOON:
            return chance.ago(9 * _DAY, 2 * _DAY), _soon(chance, number, zone)
        case State.LAPSED:
            closing_at = full_hour(now - chance.weighted(range(6), (6, 3, 2, 1, 1, 1)) * _HOUR, zone)
            closing_at -= _HOUR if closing_at >= now else timedelta(0)
        case State.CLOSED:
            closing_at = full_hour(now - chance.number(24, 120 * 24) * _HOUR, zone)
    return closing_at - chance.lasting(3 * _DAY, 14 * _DAY), closing_at


def _soon(chance: Chance, number: int, zone: str) -> datetime:
    """Every second one closes in the hour, a day ahead, that Loomio's notifications of now are about."""
    if number % 2:
        return full_hour(chance.now + chance.number(1, 22) * _HOUR, zone) + _HOUR
    window = chance.now.replace(minute=0, second=0, microsecond=0) + _DAY
    return full_hour(window + timedelta(minutes=59), zone)


def _next_hour(chance: Chance, moment: datetime) -> datetime:
    """When the hourly run after this moment closes a poll."""
    hour = full_hour(moment, "UTC")
    return (hour if hour == moment else hour + _HOUR) + timedelta(milliseconds=chance.number(2_000, 90_000))


def full_hour(moment: datetime, zone: str) -> datetime:
    """The last full hour by the clocks of `zone`, at or before `moment`; both are naive and in UTC."""
    local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    # Repeated from there: Lord Howe shifts its clocks by half an hour, and the subtraction may cross that.
    return full_hour(moment - past, zone) if past else moment
