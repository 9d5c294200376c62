"""One writer at a time for the search rows of a record.

A record is written anew by deleting its row and inserting another: two who do so at once would each leave a
row, and nothing in Loomio's database forbids that. These are PostgreSQL's advisory locks, held until the
transaction ends. Rails knows nothing of them, so that no person ever waits for us.
"""

from collections.abc import Collection

from sqlalchemy import ARRAY, Connection, Integer, func, literal, select

# The first of an advisory lock's two numbers; the second is an id.
_INDEX, _POLL, _DISCUSSION = 7_301, 7_302, 7_303


def hold(db: Connection, *, poll_ids: Collection[int] = (), discussion_id: int | None = None) -> None:
    """Wait for our turn on the rows of these polls (with votes and outcomes), then of this discussion
    (with comments)."""
    db.execute(select(func.pg_advisory_xact_lock_shared(_INDEX, 0)))
    # Polls before their discussion, by id: two that wait for each other would end in a deadlock.
    if poll_ids:
        ids = func.unnest(literal(sorted(poll_ids), ARRAY(Integer))).column_valued("id")
        db.execute(select(func.pg_advisory_xact_lock(_POLL, ids)))
    if discussion_id is not None:
        db.execute(select(func.pg_advisory_xact_lock(_DISCUSSION, discussion_id)))


def hold_all(db: Connection) -> None:
    """Wait for our turn on the whole index."""
    db.execute(select(func.pg_advisory_xact_lock(_INDEX, 0)))
