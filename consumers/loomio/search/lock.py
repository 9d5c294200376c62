"""One writer at a time for the search rows of a record.

A row is rebuilt by deleting it and inserting another. Two writers at the same time would each leave a row, and
nothing in Loomio's database prevents that. These are PostgreSQL's advisory locks, held until the transaction
ends. Rails does not take them, so no one who uses Loomio ever waits for Treadle.
"""

from collections.abc import Collection

from sqlalchemy import ARRAY, Connection, Integer, func, literal, select

# The first of an advisory lock's two numbers; the second is an id.
_INDEX, _POLL, _DISCUSSION = 7_301, 7_302, 7_303


def hold(db: Connection, *, poll_ids: Collection[int] = (), discussion_id: int | None = None) -> None:
    """Lock the rows of these polls (with votes and outcomes), then those of this discussion (with comments)."""
    db.execute(select(func.pg_advisory_xact_lock_shared(_INDEX, 0)))
    # Polls before their discussion, by id: two that waited for each other would be a deadlock.
    if poll_ids:
        ids = func.unnest(literal(sorted(poll_ids), ARRAY(Integer))).column_valued("id")
        db.execute(select(func.pg_advisory_xact_lock(_POLL, ids)))
    if discussion_id is not None:
        db.execute(select(func.pg_advisory_xact_lock(_DISCUSSION, discussion_id)))


def hold_all(db: Connection) -> None:
    """Lock the whole index."""
    db.execute(select(func.pg_advisory_xact_lock(_INDEX, 0)))
