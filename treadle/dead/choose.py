"""Which dead letters a person means: by filter or by name, and how many of which kind there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, and_, func, literal, or_, select, tuple_

from streams.audit import Place
from treadle.dead.letter import Letter
from treadle.dead.store import OF_LETTER, letters

_CLAIMING = 0x636C_6169  # "clai": the advisory lock of whoever is claiming letters


@dataclass(frozen=True)
class Chosen:
    """All conditions hold together; one that is empty holds for every letter.

    `kinds` are names as they stand in the letters. `text` occurs in the arguments, or (in any case) in what
    the error said. `places` and `jobs` name letters one by one. `state` is dead, sent, deleted, or empty for all.
    `before` keeps to letters that lay there when it was taken: what dies meanwhile is not chosen.
    """

    kinds: tuple[str, ...] = ()
    queue: str = ""
    error: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    places: tuple[Place, ...] = ()
    jobs: tuple[str, ...] = ()
    state: str = "dead"
    before: tuple[Place, ...] | None = None

    def as_of_now(self, db: Connection) -> Chosen:
        """The same, without letters that are not there yet."""
        ends = select(letters.c.partition, func.max(letters.c.offset) + 1).group_by(letters.c.partition)
        return replace(self, before=tuple((row[0], row[1]) for row in db.execute(ends)))

    def condition(self) -> ColumnElement[bool]:
        """As SQL."""
        return and_(literal(True), *self._conditions())

    def _conditions(self) -> Iterator[ColumnElement[bool]]:
        c = letters.c
        if self.kinds:
            yield c.kind.in_(self.kinds)
        if self.queue:
            yield c.queue == self.queue
        if self.error:
            yield c.error == self.error
        if self.since:
            yield c.died_at >= self.since
        if self.until:
            yield c.died_at < self.until
        if self.text:
            said = func.strpos(func.lower(c.message), self.text.lower()) > 0
            yield or_(said, func.pg_catalog.position(c.value, literal(self.text.encode(), LargeBinary)) > 0)
        if self.places or self.jobs:
            place = tuple_(c.partition, c.offset).in_(self.places) if self.places else literal(False)
            yield or_(place, c.job_id.in_(self.jobs) if self.jobs else literal(False))
        if self.state:
            yield c.state == self.state
        if self.before is not None:
            yield or_(
                literal(False), *(and_(c.partition == part, c.offset < end) for part, end in self.before)
            )


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
        .where(chosen.condition())
        .group_by(c.kind, c.error)
        .order_by(func.count().desc(), c.kind, c.error)
    )
    return [Count(*row) for row in db.execute(counted)]


def newest(db: Connection, chosen: Chosen, limit: int) -> Sequence[Any]:
    """Rows of letters, those that died last first."""
    c = letters.c
    order = (c.died_at.desc(), c.partition, c.offset.desc())
    return db.execute(select(letters).where(chosen.condition()).order_by(*order).limit(limit)).all()


def claim(
    db: Connection, chosen: Chosen, after: Place, limit: int, *, again: bool
) -> tuple[list[Letter], list[Letter]]:
    """The next letters after this place, and all further ones of the same jobs; locked until the transaction ends.

    Those that somebody else works on are passed over, and without `again` those that were sent back before.
    """
    # One at a time: else two could each have one of two letters of a job, and both would send it.
    db.execute(select(func.pg_advisory_lock(_CLAIMING)))
    batch = claim_alone(db, chosen, after, limit, again=again)
    further = _twins(db, batch)
    db.execute(select(func.pg_advisory_unlock(_CLAIMING)))
    return batch, further


def claim_alone(db: Connection, chosen: Chosen, after: Place, limit: int, *, again: bool) -> list[Letter]:
    """As `claim`, without the further letters."""
    c = letters.c
    conditions = [chosen.condition(), tuple_(c.partition, c.offset) > tuple_(*map(literal, after))]
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
