"""Which moments of a schedule are due. Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from scheduler.schedule import Missed, Schedule
from streams.tick import Tick

ON_TIME = timedelta(minutes=5)
"""A moment older than this has been missed."""


def newest_moment(schedule: Schedule, now: datetime) -> datetime:
    """The newest moment of the schedule that is not after `now`, in UTC."""
    back = timedelta(hours=1)
    while True:
        passed = list(takewhile(lambda moment: moment <= now, _after(schedule, now - back)))
        if passed:
            return passed[-1]
        back *= 4


def next_moment(schedule: Schedule, now: datetime) -> datetime:
    """The first moment of the schedule after `now`, in UTC."""
    return next(_after(schedule, now))


@dataclass(frozen=True)
class Due:
    """The ticks to send, oldest first, and the newest moment that has passed, with a tick or without."""

    ticks: list[Tick]
    newest: datetime


def due(schedule: Schedule, last: datetime, now: datetime) -> Due | None:
    """What is due when the last moment was `last`. None when nothing is, or the clock went back."""
    moments = []
    for moment in _after(schedule, last):
        if moment > now:
            break
        moments.append(moment)
    if not moments:
        return None
    oldest = max(last, now - schedule.reach) if schedule.reach else last
    match schedule.missed:
        case Missed.ALL:
            fired = [moment for moment in moments if moment >= oldest]
        case Missed.LATEST:
            fired = moments[-1:]
        case Missed.SKIP:
            fired = [moment for moment in moments[-1:] if now - moment <= ON_TIME]
    ticks, since = [], oldest
    for moment in fired:
        ticks.append(Tick(schedule.name, moment, min(since, moment)))
        since = moment
    return Due(ticks, moments[-1])


def _after(schedule: Schedule, moment: datetime) -> Iterator[datetime]:
    for found in CronSim(schedule.cron, moment.astimezone(ZoneInfo(schedule.zone))):
        # In the hour that clocks repeat in autumn, cronsim may return a moment of its first round.
        if found > moment:
            yield found.astimezone(UTC)
