"""Finds the dead letters of a selection in the store: counts them, lists the newest, claims them batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, and_, func, literal, or_, select, tuple_

from monitor.dead_letters.request import Selection
from monitor.dead_letters.row import Row
from monitor.dead_letters.store import ROW, dead_letters
from streams.wire.audit import Position

CLAIM_LOCK = 0x636C_6169
""""clai": the advisory lock that one process at a time holds while it claims dead letters."""


@dataclass(frozen=True)
class Count:
    """How many dead letters there are of one kind with one error; `died_again` of them after an earlier redrive."""

    kind: str
    error: str
    dead_letters: int
    died_again: int


def as_of_now(db: Connection, selection: Selection) -> Selection:
    """The same selection, without what is added to the store from now on."""
    c = dead_letters.c
    ends = select(c.partition, func.max(c.offset) + 1).group_by(c.partition)
    return replace(selection, before=tuple((row[0], row[1]) for row in db.execute(ends)))


def count(db: Connection, selection: Selection) -> list[Count]:
    """How many dead letters are selected, by kind and error, the most frequent first."""
    c = dead_letters.c
    counted = (
        select(c.kind, c.error, func.count(), func.count().filter(c.redrives > 0))
        .where(condition(selection))
        .group_by(c.kind, c.error)
        .order_by(func.count().desc(), c.kind, c.error)
    )
    return [Count(*row) for row in db.execute(counted)]


def newest(db: Connection, selection: Selection, limit: int) -> Sequence[Any]:
    """At most `limit` rows with all their columns, those that died last first."""
    c = dead_letters.c
    order = (c.died_at.desc(), c.partition, c.offset.desc())
    return db.execute(select(dead_letters).where(condition(selection)).order_by(*order).limit(limit)).all()


def claim(
    db: Connection, selection: Selection, after: Position, limit: int, *, again: bool
) -> tuple[list[Row], list[Row]]:
    """The next rows after this position, and all duplicates of them; locked until the transaction ends.

    Rows that someone else has claimed are passed over, and without `again` those that were sent back before.
    """
    # One at a time: otherwise two could each claim one of two duplicates, and both would send the job.
    db.execute(select(func.pg_advisory_lock(CLAIM_LOCK)))
    batch = _batch(db, selection, after, limit, again=again)
    duplicates = _duplicates(db, batch)
    db.execute(select(func.pg_advisory_unlock(CLAIM_LOCK)))
    return batch, duplicates


def _batch(db: Connection, selection: Selection, after: Position, limit: int, *, again: bool) -> list[Row]:
    c = dead_letters.c
    conditions = [condition(selection), tuple_(c.partition, c.offset) > tuple_(*map(literal, after))]
    if not again:
        conditions.append(c.redrives == 0)
    wanted = select(*ROW).where(*conditions).order_by(c.partition, c.offset).limit(limit)
    return [Row(*row) for row in db.execute(wanted.with_for_update(skip_locked=True))]


def _duplicates(db: Connection, batch: Sequence[Row]) -> list[Row]:
    """Further dead letters of the same jobs: left by processes that were killed after they had written the first."""
    c = dead_letters.c
    positions, identities = {row.position for row in batch}, {row.identity for row in batch}
    wanted = select(*ROW).where(c.state == "dead", c.job_id.in_({row.job_id for row in batch} - {""}))
    found = (Row(*row) for row in db.execute(wanted.with_for_update(skip_locked=True)))
    return [row for row in found if row.position not in positions and row.identity in identities]


def condition(selection: Selection) -> ColumnElement[bool]:
    """The selection as SQL."""
    return and_(literal(True), *_conditions(selection))


def _conditions(wanted: Selection) -> Iterator[ColumnElement[bool]]:
    c = dead_letters.c
    if wanted.kinds:
        yield c.kind.in_(wanted.kinds)
    if wanted.queue:
        yield c.queue == wanted.queue
    if wanted.error:
        yield c.error == wanted.error
    if wanted.since:
        yield c.died_at >= wanted.since
    if wanted.until:
        yield c.died_at < wanted.until
    if wanted.text:
        in_message = func.strpos(func.lower(c.message), wanted.text.lower()) > 0
        in_arguments = func.pg_catalog.position(c.value, literal(wanted.text.encode(), LargeBinary)) > 0
        yield or_(in_message, in_arguments)
    if wanted.positions or wanted.jobs:
        at = tuple_(c.partition, c.offset).in_(wanted.positions) if wanted.positions else literal(False)
        yield or_(at, c.job_id.in_(wanted.jobs) if wanted.jobs else literal(False))
    if wanted.state:
        yield c.state == wanted.state
    if wanted.before is not None:
        yield or_(literal(False), *(and_(c.partition == part, c.offset < end) for part, end in wanted.before))
