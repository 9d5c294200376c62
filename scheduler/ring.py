"""Rings the schedules: a row for each due moment, then its tick; once each, however many schedulers run.

The row and the schedule's last moment are written in one transaction; the tick is sent afterwards and the
row marked. A crash between the two rings late: the next scheduler finds the row unmarked and sends it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    MetaData,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from scheduler.clock import due, newest_moment, next_moment
from scheduler.schedule import Schedule
from streams.codec import encode_tick
from streams.producer import Sender
from streams.tick import Tick

log = structlog.get_logger()

_metadata = MetaData(schema="treadle")
schedules_table = Table(
    "schedules",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("last_due_at", DateTime(timezone=True), nullable=False),
)
ticks_table = Table(
    "ticks",
    _metadata,
    Column("schedule", Text, primary_key=True),
    Column("due_at", DateTime(timezone=True), primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("rung_at", DateTime(timezone=True)),
)

_LONGEST_WAIT = timedelta(seconds=5)
"""So long at most does a tick wait whose scheduler died between row and message."""


def ring_until(
    stop: threading.Event, schedules: Iterable[Schedule], engine: Engine, sender: Sender, *, ring_now: bool
) -> None:
    """Ring the schedules until `stop` is set. With `ring_now` each rings once at the start.

    A database that is away is waited for. Raises NotDelivered when Kafka does not take a tick.
    """
    schedules = list(schedules)
    while not stop.is_set():
        try:
            if ring_now:
                with engine.begin() as db:
                    for schedule in schedules:
                        _note_now(db, schedule)
                ring_now = False
            wait = _ring_once(schedules, engine, sender)
        except OperationalError as error:
            log.warning("database_away", error=str(error.orig))
            wait = timedelta(seconds=1)
        stop.wait(wait.total_seconds())


def _ring_once(schedules: list[Schedule], engine: Engine, sender: Sender) -> timedelta:
    """Ring what is due; how long to wait until there may be more."""
    with engine.begin() as db:
        now = _database_now(db)
        for schedule in schedules:
            _note_due(db, schedule, now)
    ring_noted(engine, sender)
    soonest = min((next_moment(schedule, now) for schedule in schedules), default=now + _LONGEST_WAIT)
    return min(soonest - now, _LONGEST_WAIT)


def ring_noted(engine: Engine, sender: Sender) -> int:
    """Send the ticks whose rows are not marked as rung, oldest first, and mark them. How many there were.

    Rows are locked meanwhile, and those another scheduler has locked are passed over.
    """
    unrung = select(ticks_table).where(ticks_table.c.rung_at.is_(None)).order_by(ticks_table.c.due_at)
    with engine.begin() as db:
        rows = db.execute(unrung.with_for_update(skip_locked=True)).all()
        sender.send(encode_tick(Tick(row.schedule, row.due_at, row.since)) for row in rows)
        for row in rows:
            this = (ticks_table.c.schedule == row.schedule) & (ticks_table.c.due_at == row.due_at)
            db.execute(ticks_table.update().where(this).values(rung_at=func.now()))
            log.info("rung", schedule=row.schedule, due_at=row.due_at.isoformat())
    return len(rows)


def _note_due(db: Connection, schedule: Schedule, now: datetime) -> None:
    last = _last_due_at(db, schedule, now)
    found = due(schedule, last, now)
    if found is not None:
        _note(db, schedule, found.ticks, found.newest)


def _note_now(db: Connection, schedule: Schedule) -> None:
    """A ring out of turn: due now, and the next one in turn goes on from here."""
    now = _database_now(db)
    last = _last_due_at(db, schedule, now)
    if now > last:
        _note(db, schedule, [Tick(schedule.name, now, last)], now)


def _note(db: Connection, schedule: Schedule, ticks: list[Tick], newest: datetime) -> None:
    for tick in ticks:
        row = {"schedule": tick.schedule, "due_at": tick.due_at, "since": tick.since}
        db.execute(insert(ticks_table).values(row).on_conflict_do_nothing())
    db.execute(
        schedules_table.update().where(schedules_table.c.name == schedule.name).values(last_due_at=newest)
    )


def _last_due_at(db: Connection, schedule: Schedule, now: datetime) -> datetime:
    """The last moment noted, locked until we commit. At the first start the newest: no back-filling."""
    first = {"name": schedule.name, "last_due_at": newest_moment(schedule, now)}
    db.execute(insert(schedules_table).values(first).on_conflict_do_nothing())
    last = select(schedules_table.c.last_due_at).where(schedules_table.c.name == schedule.name)
    moment: datetime = db.execute(last.with_for_update()).scalar_one()
    return moment


def _database_now(db: Connection) -> datetime:
    now: datetime = db.execute(select(func.now())).scalar_one()
    return now
