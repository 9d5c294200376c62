"""Which dead letters a person means: by filter or by name, and how many of which kind there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, and_, func, literal, or_, select, tuple_

from streams.audit import Place
from treadle.dead.asked import Chosen
from treadle.dead.letter import Letter
from treadle.dead.store import OF_LETTER, letters

CLAIMING = 0x636C_6169
""""clai": the advisory lock of whoever is claiming letters."""


def as_of_now(db: Connection, chosen: Chosen) -> Chosen:
    """The same, without letters that are not there yet."""
    ends = select(letters.c.partition, func.max(letters.c.offset) + 1).group_by(letters.c.partition)
    return replace(chosen, before=tuple((row[0], row[1]) for row in db.execute(ends)))


def condition(chosen: Chosen) -> ColumnElement[bool]:
    """As SQL."""
    return and_(literal(True), *_conditions(chosen))


def _conditions(chosen: Chosen) -> Iterator[ColumnElement[bool]]:
    c = letters.c
    if chosen.kinds:
        yield c.kind.in_(chosen.kinds)
    if chosen.queue:
        yield c.queue == chosen.queue
    if chosen.error:
        yield c.error == chosen.error
    if chosen.since:
        yield c.died_at >= chosen.since
    if chosen.until:
        yield c.died_at < chosen.until
    if chosen.text:
        said = func.strpos(func.lower(c.message), chosen.text.lower()) > 0
        yield or_(said, func.pg_catalog.position(c.value, literal(chosen.text.encode(), LargeBinary)) > 0)
    if chosen.places or chosen.jobs:
        place = tuple_(c.partition, c.offset).in_(chosen.places) if chosen.places else literal(False)
        yield or_(place, c.job_id.in_(chosen.jobs) if chosen.jobs else literal(False))
    if chosen.state:
        yield c.state == chosen.state
    if chosen.before is not None:
        yield or_(literal(False), *(and_(c.partition == part, c.offset < end) for part, end in chosen.before))


@dataclass(frozen=True)
class Count:
    """So many letters of a kind with an error; `again` of them died again after they had been sent back."""

    kind: str
    error: str
    letters: int
    again: int


def count(db: Connection, chosen: Chosen) -> list[Count]:
    """How many letters are chosen, by kind and error, the most first."""
    c = letters.c
    again = func.count().filter(c.redrives > 0)
    counted = (
        select(c.kind, c.error, func.count().label("letters"), again.label("again"))
        .where(condition(chosen))
        .group_by(c.kind, c.error)
        .order_by(func.count().desc(), c.kind, c.error)
    )
    return [Count(*row) for row in db.execute(counted)]


def newest(db: Connection, chosen: Chosen, limit: int) -> Sequence[Any]:
    """Rows of letters, those that died last first."""
    c = letters.c
    order = (c.died_at.desc(), c.partition, c.offset.desc())
    return db.execute(select(letters).where(condition(chosen)).order_by(*order).limit(limit)).all()


def claim(
    db: Connection, chosen: Chosen, after: Place, limit: int, *, again: bool
) -> tuple[list[Letter], list[Letter]]:
    """The next letters after this place, and all further ones of the same jobs; locked until the transaction ends.

    Those that somebody else works on are passed over, and without `again` those that were sent back before.
    """
    # One at a time: else two could each have one of two letters of a job, and both would send it.
    db.execute(select(func.pg_advisory_lock(CLAIMING)))
    batch = _claim_alone(db, chosen, after, limit, again=again)
    further = _twins(db, batch)
    db.execute(select(func.pg_advisory_unlock(CLAIMING)))
    return batch, further


def _claim_alone(db: Connection, chosen: Chosen, after: Place, limit: int, *, again: bool) -> list[Letter]:
    c = letters.c
    conditions = [condition(chosen), tuple_(c.partition, c.offset) > tuple_(*map(literal, after))]
    if not again:
        conditions.append(c.redrives == 0)
    wanted = select(*OF_LETTER).where(*conditions).order_by(c.partition, c.offset).limit(limit)
    return [Letter(*row) for row in db.execute(wanted.with_for_update(skip_locked=True))]


def _twins(db: Connection, some: Sequence[Letter]) -> list[Letter]:
    """Further letters of the same jobs, byte for byte: a process was killed when it had written the first."""
    c = letters.c
    known = {letter.place for letter in some}
    same = {letter.job for letter in some}
    wanted = select(*OF_LETTER).where(
        c.state == "dead", c.job_id.in_({letter.job_id for letter in some} - {""})
    )
    found = (Letter(*row) for row in db.execute(wanted.with_for_update(skip_locked=True)))
    return [letter for letter in found if letter.place not in known and letter.job in same]
