"""Each due moment rings once, however many schedulers run and whenever they are stopped."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest
from sqlalchemy import Engine, func, insert, select, update

from scheduler import tables
from scheduler.ring import ring_noted, ring_until
from scheduler.schedule import Missed, Schedule
from streams.errors import NotDelivered
from streams.tick import Tick
from streams.wire.facts import decode_fact
from tests.support.fakes.memory_log import MemoryLog
from tests.support.line import Line
from tests.support.waiting import wait_until
from treadle.database import engine
from treadle.migrations.upgrade import migrate

EVERY_MINUTE = Schedule("test.minutes", "* * * * *", Missed.ALL)
MISSED = 300


@pytest.fixture
def database(fresh_database: str) -> Iterator[Engine]:
    migrate(fresh_database)
    database = engine(fresh_database, pool_size=4)
    yield database
    database.dispose()


def rung(log: MemoryLog) -> list[Tick]:
    ticks = [decode_fact(message.topic, message.value) for message in log.of("treadle.ticks")]
    return [tick for tick in ticks if isinstance(tick, Tick)]


def not_rung_for(database: Engine, missed: int) -> None:
    """As if the schedule last rang this many minutes ago."""
    with database.begin() as db:
        last = func.date_trunc("minute", func.now()) - timedelta(minutes=missed)
        db.execute(insert(tables.schedules).values(name=EVERY_MINUTE.name, last_due_at=last))


def an_unrung_row(database: Engine) -> None:
    """What a scheduler leaves behind that died between row and message."""
    with database.begin() as db:
        hour = func.date_trunc("hour", func.now())
        row = {"schedule": "test.minutes", "due_at": hour, "since": hour - timedelta(hours=1)}
        db.execute(insert(tables.ticks).values(row))


def unrung(database: Engine) -> int:
    with database.connect() as db:
        waiting = select(func.count()).select_from(tables.ticks).where(tables.ticks.c.rung_at.is_(None))
        return db.execute(waiting).scalar_one()


class Ringing:
    """This many schedulers, each in a thread, until the block ends."""

    def __init__(self, count: int, database: Engine, log: MemoryLog, *, run_now: bool = False) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(
                target=ring_until,
                args=(self._stop, [EVERY_MINUTE], database, log),
                kwargs={"run_now": run_now},
            )
            for _ in range(count)
        ]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()


def test_two_schedulers_ring_each_moment_once(database: Engine) -> None:
    log = MemoryLog()
    not_rung_for(database, MISSED)

    with Ringing(2, database, log):
        wait_until(lambda: len(log.messages) >= MISSED and not unrung(database), what="all have rung")

    ticks = rung(log)
    assert max(Counter(tick.due_at for tick in ticks).values()) == 1
    moments = sorted(tick.due_at for tick in ticks)
    assert len(moments) in (MISSED, MISSED + 1)  # a minute may pass meanwhile
    assert {later - earlier for earlier, later in pairwise(moments)} == {timedelta(minutes=1)}
    assert all(tick.due_at - tick.since == timedelta(minutes=1) for tick in ticks)


def test_the_first_start_does_not_ring_for_the_past(database: Engine) -> None:
    log = MemoryLog()

    with Ringing(1, database, log):
        wait_until(lambda: known(database), what="the schedule is noted")

    assert len(rung(log)) <= 1  # a minute may pass meanwhile


def known(database: Engine) -> bool:
    with database.connect() as db:
        return db.execute(select(tables.schedules)).first() is not None


def test_a_tick_whose_scheduler_crashed_between_row_and_message_rings_late(database: Engine) -> None:
    log = MemoryLog()
    an_unrung_row(database)

    first, second = ring_noted(database, log), ring_noted(database, log)

    assert (first, second) == (1, 0)
    assert [tick.schedule for tick in rung(log)] == ["test.minutes"]
    assert unrung(database) == 0


def test_a_tick_that_kafka_refuses_stays_unrung(database: Engine) -> None:
    an_unrung_row(database)

    with pytest.raises(NotDelivered):
        ring_noted(database, MemoryLog(missing=["treadle.ticks"]))

    assert unrung(database) == 1
    assert ring_noted(database, MemoryLog()) == 1


def test_rows_that_another_scheduler_is_sending_are_skipped(database: Engine) -> None:
    log = MemoryLog()
    an_unrung_row(database)

    with database.begin() as other:
        other.execute(update(tables.ticks).values(since=tables.ticks.c.since))
        meanwhile = ring_noted(database, log)

    assert meanwhile == 0
    assert ring_noted(database, log) == 1


def test_a_scheduler_waits_for_a_database_that_is_unavailable(
    database: Engine, fresh_database: str, postgres_url: str
) -> None:
    log = MemoryLog()
    name = database.url.database
    not_rung_for(database, 3)
    database.dispose()
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())

        with Ringing(1, database, log):
            wait_until(lambda: refused(fresh_database), what="the database refuses connections")
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
            wait_until(lambda: len(log.messages) >= 3, what="it rings again")

    assert max(Counter(tick.due_at for tick in rung(log)).values()) == 1


def refused(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return True
    return False


def test_the_process_rings_out_of_turn_when_asked_and_ends_gracefully(
    line: Line, fresh_database: str
) -> None:
    migrate(fresh_database)
    process = line.start("scheduler", "--run-now", fresh=True, DATABASE=fresh_database)

    wait_until(lambda: line.sent("treadle.ticks"), what="a tick is sent")

    assert line.end(process) == 0
    (message,) = line.sent("treadle.ticks")
    tick = decode_fact(message.topic, message.value)
    assert isinstance(tick, Tick)
    assert (tick.schedule, message.key) == ("polls.close_expired", b"polls.close_expired")
