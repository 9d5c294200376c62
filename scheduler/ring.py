"""Fires the schedules: a row for each due moment, then its tick; once each, however many schedulers run.

The row and the schedule's last moment are written in one transaction; then the tick is sent and the row marked. After
a crash between the two the tick is late: the next scheduler finds the row unmarked and sends it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from scheduler import tables
from scheduler.clock import due, newest_moment, next_moment
from scheduler.schedule import Schedule
from streams.kafka.producer import Sender
from streams.tick import Tick
from streams.wire.facts import encode_tick

log = structlog.get_logger()

_LONGEST_WAIT = timedelta(seconds=5)
"""The longest that a tick waits whose scheduler died between row and message."""


def ring_until(
    stop: threading.Event, schedules: Iterable[Schedule], engine: Engine, sender: Sender, *, run_now: bool
) -> None:
    """Fire the schedules until `stop` is set. With `run_now` each also fires once at the start.

    Waits for a database that is down. Raises NotDelivered when Kafka does not take a tick.
    """
    schedules = list(schedules)
    while not stop.is_set():
        try:
            if run_now:
                with engine.begin() as db:
                    for schedule in schedules:
                        _note_now(db, schedule)
                run_now = False
            wait = _ring_once(schedules, engine, sender)
        except OperationalError as error:
            log.warning("database_unavailable", error=str(error.orig))
            wait = timedelta(seconds=1)
        stop.wait(wait.total_seconds())


def _ring_once(schedules: list[Schedule], engine: Engine, sender: Sender) -> timedelta:
    """Fire what is due, and return how long to wait until more may be."""
    with engine.begin() as db:
        now = _database_now(db)
        for schedule in schedules:
            _note_due(db, schedule, now)
    ring_noted(engine, sender)
    soonest = min((next_moment(schedule, now) for schedule in schedules), default=now + _LONGEST_WAIT)
    return min(soonest - now, _LONGEST_WAIT)


def ring_noted(engine: Engine, sender: Sender) -> int:
    """Send the ticks whose rows are not marked as sent, oldest first, and mark them; returns their number.

    The rows are locked meanwhile; those locked by another scheduler are skipped.
    """
    unsent = select(tables.ticks).where(tables.ticks.c.rung_at.is_(None)).order_by(tables.ticks.c.due_at)
    with engine.begin() as db:
        rows = db.execute(unsent.with_for_update(skip_locked=True)).all()
        sender.send(encode_tick(Tick(row.schedule, row.due_at, row.since)) for row in rows)
        for row in rows:
            this = (tables.ticks.c.schedule == row.schedule) & (tables.ticks.c.due_at == row.due_at)
            db.execute(tables.ticks.update().where(this).values(rung_at=func.now()))
            log.info("schedule_fired", schedule=row.schedule, due_at=row.due_at.isoformat())
    return len(rows)


def _note_due(db: Connection, schedule: Schedule, now: datetime) -> None:
    last = _last_due_at(db, schedule, now)
    found = due(schedule, last, now)
    if found is not None:
        _note(db, schedule, found.ticks, found.newest)


def _note_now(db: Connection, schedule: Schedule) -> None:
    """Fire out of turn: due now, and the next regular tick continues from here."""
    now = _database_now(db)
    last = _last_due_at(db, schedule, now)
    if now > last:
        _note(db, schedule, [Tick(schedule.name, now, last)], now)


def _note(db: Connection, schedule: Schedule, ticks: list[Tick], newest: datetime) -> None:
    for tick in ticks:
        row = {"schedule": tick.schedule, "due_at": tick.due_at, "since": tick.since}
        db.execute(insert(tables.ticks).values(row).on_conflict_do_nothing())
    db.execute(
        tables.schedules.update().where(tables.schedules.c.name == schedule.name).values(last_due_at=newest)
    )


def _last_due_at(db: Connection, schedule: Schedule, now: datetime) -> datetime:
    """The last moment noted, locked until we commit. At the first start the newest one: nothing is back-filled."""
    first = {"name": schedule.name, "last_due_at": newest_moment(schedule, now)}
    db.execute(insert(tables.schedules).values(first).on_conflict_do_nothing())
    last = select(tables.schedules.c.last_due_at).where(tables.schedules.c.name == schedule.name)
    moment: datetime = db.execute(last.with_for_update()).scalar_one()
    return moment


def _database_now(db: Connection) -> datetime:
    now: datetime = db.execute(select(func.now())).scalar_one()
    return now
