"""Which event an item of a thread naturally belongs to: a reply to its comment, a vote to its poll."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from consumers.loomio.schema.expressions import among
from consumers.loomio.schema.tables import comments, discussions, events, outcomes, polls, stances
from consumers.loomio.search import index

Record = tuple[str, int | None]
"""A type and an id, as in `eventable_type` and `eventable_id`."""

_CREATED = {
    "Discussion": "new_discussion",
    "Comment": "new_comment",
    "Poll": "poll_created",
    "Stance": "stance_created",
    "Outcome": "outcome_created",
}
_TABLES = {
    "Discussion": discussions,
    "Comment": comments,
    "Poll": polls,
    "Stance": stances,
    "Outcome": outcomes,
}


class Parents(NamedTuple):
    """`natural`: item → parent event. `broken`: items whose eventable is gone, so that their parent is unknown."""

    natural: dict[int, int]
    broken: set[int]


def created_event(db: Connection, record_type: str, record_id: int) -> int | None:
    """The event of a record's creation."""
    return _created_events(db, record_type, [record_id]).get(record_id)


def find(db: Connection, items: Collection[Row[Any]], created_event_id: int, *, at: datetime) -> Parents:
    """The natural parents of a thread's items (rows of `events`); `created_event_id` is the thread's own.

    A comment whose parent is missing is saved as a reply to its discussion.
    """
    _adopt_orphans(db, {item.eventable_id for item in items if item.kind == "new_comment"}, at=at)
    natural = {item.id: created_event_id for item in items if item.kind in _KINDS_OF_THREAD}
    broken: set[int] = set()
    belongs: dict[int, Record] = {}
    for kinds, records_of in _RULES:
        eventables = {item.id: item.eventable_id for item in items if item.kind in kinds}
        records = records_of(db, set(eventables.values())) if eventables else {}
        broken |= {item for item, eventable in eventables.items() if eventable not in records}
        belongs |= {item: records[it] for item, it in eventables.items() if it in records}
    parents = _events_of(db, belongs.values())
    natural |= {item: parents[record] for item, record in belongs.items() if record in parents}
    return Parents(natural, broken)


def _parent_of_comment(db: Connection, ids: Collection[int]) -> dict[int, Record]:
    parent = select(comments.c.id, comments.c.parent_type, comments.c.parent_id)
    return {
        row.id: (row.parent_type, row.parent_id)
        for row in db.execute(parent.where(among(comments.c.id, ids)))
    }


def _thread_of_poll(db: Connection, ids: Collection[int]) -> dict[int, Record]:
    return _ids(db, "Discussion", polls.c.id, polls.c.discussion_id, ids)


def _poll(db: Connection, ids: Collection[int]) -> dict[int, Record]:
    return _ids(db, "Poll", polls.c.id, polls.c.id, ids)


def _poll_of_stance(db: Connection, ids: Collection[int]) -> dict[int, Record]:
    return _ids(db, "Poll", stances.c.id, stances.c.poll_id, ids)


def _poll_of_outcome(db: Connection, ids: Collection[int]) -> dict[int, Record]:
    return _ids(db, "Poll", outcomes.c.id, outcomes.c.poll_id, ids)


def _discussion(db: Connection, ids: Collection[int]) -> dict[int, Record]:
    return _ids(db, "Discussion", discussions.c.id, discussions.c.id, ids)


# Kinds of events, and how to find the records whose events they belong to. Other kinds belong to nothing.
_RULES = (
    ({"new_comment"}, _parent_of_comment),
    ({"poll_created"}, _thread_of_poll),
    (
        {
            "poll_edited",
            "poll_closed_by_user",
            "poll_reopened",
            "poll_closing_soon",
            "poll_expired",
            "poll_option_added",
        },
        _poll,
    ),
    ({"stance_created", "stance_updated"}, _poll_of_stance),
    ({"outcome_created"}, _poll_of_outcome),
    ({"discussion_closed", "discussion_reopened", "discussion_forked"}, _discussion),
)
_KINDS_OF_THREAD = {"discussion_edited", "discussion_moved"}


def _adopt_orphans(db: Connection, comment_ids: Collection[int], *, at: datetime) -> None:
    for parent_type, table in _TABLES.items():
        parents = table.alias("parents")  # comments reply to comments
        parent = select(parents.c.id).where(parents.c.id == comments.c.parent_id)
        orphans = (
            update(comments)
            .where(
                among(comments.c.id, comment_ids),
                comments.c.parent_type == parent_type,
                comments.c.discussion_id.in_(select(discussions.c.id)),
                ~parent.exists(),
            )
            .values(parent_type="Discussion", parent_id=comments.c.discussion_id, updated_at=at)
        )
        for comment_id in db.scalars(orphans.returning(comments.c.id)).all():
            index.rewrite(db, "Comment", comment_id)


def _events_of(db: Connection, records: Iterable[Record]) -> dict[Record, int]:
    """The event under which replies to a record are shown."""
    ids = defaultdict(set)
    for record_type, record_id in records:
        if record_id is not None:
            ids[record_type].add(record_id)
    found: dict[Record, int] = {}
    for record_type in ids.keys() & _CREATED.keys():
        # A vote may be in the thread only by an edit of it; any of its items will do.
        find_events = _items_of_stances if record_type == "Stance" else _created_events
        for record_id, event_id in find_events(db, record_type, ids[record_type]).items():
            found[record_type, record_id] = event_id
    return found


def _created_events(db: Connection, record_type: str, ids: Collection[int]) -> dict[int, int]:
    return _first_events(db, record_type, ids, events.c.kind == _CREATED[record_type])


def _items_of_stances(db: Connection, record_type: str, ids: Collection[int]) -> dict[int, int]:
    return _first_events(db, record_type, ids, events.c.discussion_id.is_not(None))


def _first_events(
    db: Connection, record_type: str, ids: Collection[int], which: ColumnElement[bool]
) -> dict[int, int]:
    first = (
        select(events.c.eventable_id, func.min(events.c.id))
        .where(events.c.eventable_type == record_type, among(events.c.eventable_id, ids), which)
        .group_by(events.c.eventable_id)
    )
    return dict(db.execute(first).all())


def _ids(
    db: Connection, record_type: str, key: ColumnElement[int], value: ColumnElement[Any], ids: Collection[int]
) -> dict[int, Record]:
    return {row[0]: (record_type, row[1]) for row in db.execute(select(key, value).where(among(key, ids)))}
