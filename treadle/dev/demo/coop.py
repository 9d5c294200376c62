"""What the demo asks of, and changes in, the database of its practice co-op."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, text

_PAST = "closed_at IS NULL AND discarded_at IS NULL AND closing_at < now()"
_OPEN = "closed_at IS NULL AND discarded_at IS NULL AND closing_at >= now()"


class Closing(NamedTuple):
    """A poll that was closed, with its times in its author's time zone."""

    title: str
    zone: str
    closing_at: datetime
    closed_at: datetime


class Coop:
    """The co-op's database. Loomio's columns have no time zone and hold UTC, as our connections do."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lapsed(self) -> list[int]:
        """Ids of the polls past their closing time that are still open."""
        return self._ids(f"SELECT id FROM polls WHERE {_PAST}")

    def let_lapse(self) -> list[int]:
        """Move the closing time of every open poll into the past; returns their ids."""
        return self._ids(
            f"UPDATE polls SET closing_at = now() - interval '1 second' WHERE {_OPEN} RETURNING id"
        )

    def closed(self, polls: list[int]) -> int:
        """How many of these polls are closed."""
        return len(self._ids("SELECT id FROM polls WHERE closed_at IS NOT NULL AND id = ANY(:polls)", polls))

    def closings(self, polls: list[int]) -> list[Closing]:
        """These polls as they were closed, by their closing time."""
        question = text(
            """
            SELECT p.title, coalesce(u.time_zone, 'UTC'), p.closing_at, p.closed_at
            FROM polls p JOIN users u ON u.id = p.author_id
            WHERE p.id = ANY(:polls) AND p.closed_at IS NOT NULL ORDER BY p.closing_at, p.id
            """
        )
        with self._engine.connect() as db:
            found = db.execute(question, {"polls": polls}).all()
        return [Closing(title, zone, _in(zone, due), _in(zone, closed)) for title, zone, due, closed in found]

    def expiries(self, polls: list[int]) -> list[tuple[int, int]]:
        """The `poll_expired` rows of these polls, as (event id, poll id)."""
        question = text(
            "SELECT id, eventable_id FROM events "
            "WHERE kind = 'poll_expired' AND eventable_type = 'Poll' AND eventable_id = ANY(:polls)"
        )
        with self._engine.connect() as db:
            return [(event, poll) for event, poll in db.execute(question, {"polls": polls})]

    def member(self) -> tuple[int, str]:
        """A member's id, and their time zone."""
        question = "SELECT id, time_zone FROM users WHERE time_zone IS NOT NULL ORDER BY id LIMIT 1"
        with self._engine.connect() as db:
            user, zone = db.execute(text(question)).one()
        return user, zone

    def set_zone(self, user: int, zone: str) -> None:
        """Set a member's time zone, whether it exists or not."""
        with self._engine.begin() as db:
            db.execute(text("UPDATE users SET time_zone = :zone WHERE id = :id"), {"id": user, "zone": zone})

    def jobs_done(self) -> Counter[str]:
        """How many jobs have taken effect, by kind."""
        with self._engine.connect() as db:
            found = db.execute(text("SELECT kind, count(*) FROM treadle.done GROUP BY kind")).all()
        return Counter(dict(map(tuple, found)))

    def jobs_done_ids(self) -> set[str]:
        """The ids of all jobs that have taken effect."""
        with self._engine.connect() as db:
            return set(db.scalars(text("SELECT job_id FROM treadle.done")))

    def _ids(self, statement: str, polls: list[int] | None = None) -> list[int]:
        with self._engine.begin() as db:
            return list(db.scalars(text(statement), {"polls": polls} if polls is not None else {}))


def _in(zone: str, moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
