"""Closing polls: which are past their closing time, and what happens when one is closed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, tuple_, update

from consumers.loomio import versions
from consumers.loomio.groups import counters
from consumers.loomio.polls import receipts, stances
from consumers.loomio.schema.tables import polls
from consumers.loomio.search import index
from consumers.loomio.threads import repairing

_UNTIL_CLOSED = 2  # polls.hide_results


def past_closing(
    db: Connection, *, at: datetime, after: tuple[datetime, int] | None, limit: int
) -> list[Row[Any]]:
    """A page of the open polls whose closing time has passed, as (closing_at, id), earliest first.

    `after` is the last row of the previous page.
    """
    lapsed = select(polls.c.closing_at, polls.c.id).where(
        polls.c.discarded_at.is_(None), polls.c.closed_at.is_(None), polls.c.closing_at < at
    )
    if after is not None:
        lapsed = lapsed.where(tuple_(polls.c.closing_at, polls.c.id) > tuple_(*after, types=_TYPES))
    return list(db.execute(lapsed.order_by(polls.c.closing_at, polls.c.id).limit(limit)))


def lock(db: Connection, poll_id: int) -> Row[Any]:
    """A poll, locked until the transaction ends: no one can vote in it or close it meanwhile.

    Raises LookupError when there is no such poll, or not yet.
    """
    poll = db.execute(select(polls).where(polls.c.id == poll_id).with_for_update()).one_or_none()
    if poll is None:
        raise LookupError(f"poll {poll_id} does not exist, or its transaction has not been committed yet")
    return poll


def close(db: Connection, poll: Row[Any], *, at: datetime) -> None:
    """Close an open poll from `lock`: receipts, anonymity, hidden votes, and everything a save involves.

    Whether it is past its closing time or discarded does not matter here.
    """
    receipts.rewrite(db, poll)  # before the voters are removed
    if poll.anonymous:
        stances.forget_participants(db, poll.id)
    if poll.discussion_id is not None and poll.hide_results == _UNTIL_CLOSED:
        stances.bring_into_thread(db, poll.id, poll.discussion_id)
        repairing.repair(db, poll.discussion_id, at=at)
    _save_closed(db, poll, at=at)
    index.rewrite(db, "Poll", poll.id)
    # Discussion before group, as everywhere: two that waited for each other would be a deadlock.
    counters.recount_discussion(db, poll.discussion_id, "closed_polls_count", "anonymous_polls_count", at=at)
    counters.recount_group(db, poll.group_id, "polls_count", "closed_polls_count", at=at)


def _save_closed(db: Connection, poll: Row[Any], *, at: datetime) -> None:
    changes: dict[str, tuple[Any, Any]] = {"closed_at": (None, at)}
    if poll.details is None:
        changes["details"] = (None, "")  # each save of a poll turns a missing text into an empty one
    saved = {column: after for column, (_, after) in changes.items()}
    db.execute(update(polls).where(polls.c.id == poll.id).values(**saved, updated_at=at))
    versions.record_update(db, "Poll", poll.id, changes, at=at)


_TYPES = [polls.c.closing_at.type, polls.c.id.type]
