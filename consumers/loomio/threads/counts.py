"""The counter columns of events: children and descendants in the thread."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update

from consumers.loomio.schema.expressions import among
from consumers.loomio.schema.tables import events
from consumers.loomio.threads.order import descendant_counts


def recount_items(db: Connection, discussion_id: int) -> None:
    """Recount the children and descendants of all items of a thread; `updated_at` stays the same."""
    columns = select(
        events.c.id, events.c.position_key, events.c.child_count, events.c.descendant_count
    ).where(events.c.discussion_id == discussion_id)
    items = {item.id: item for item in db.execute(columns)}
    children: dict[int, int] = dict(
        db.execute(
            select(events.c.parent_id, func.count())
            .where(among(events.c.parent_id, items.keys()), events.c.discussion_id.is_not(None))
            .group_by(events.c.parent_id)
        ).all()
    )
    descendants = descendant_counts({item.id: item.position_key for item in items.values()})
    changes = [
        {"event": item.id, "children": children.get(item.id, 0), "descendants": descendants[item.id]}
        for item in items.values()
        if (item.child_count, item.descendant_count) != (children.get(item.id, 0), descendants[item.id])
    ]
    if changes:
        counted = update(events).values(
            child_count=bindparam("children"), descendant_count=bindparam("descendants")
        )
        db.execute(counted.where(events.c.id == bindparam("event")), changes)


def recount_ancestors(db: Connection, event_id: int | None, *, at: datetime) -> None:
    """Recount an event one of whose children was saved, and all events above it."""
    climbed: set[int] = set()
    while event_id is not None and event_id not in climbed:
        climbed.add(event_id)
        event_id = recount(db, event_id, at=at)


def recount(db: Connection, event_id: int, *, at: datetime) -> int | None:
    """Recount the children and descendants of one event; `updated_at` changes if a count changed.

    Returns the id of the event's parent.
    """
    event = db.execute(select(events).where(events.c.id == event_id)).one_or_none()
    if event is None:
        return None
    children = select(func.count()).where(events.c.parent_id == event.id, events.c.discussion_id.is_not(None))
    counts = {"child_count": db.scalar(children), "descendant_count": _descendants(db, event)}
    if counts != {column: event._mapping[column] for column in counts}:
        db.execute(update(events).where(events.c.id == event.id).values(**counts, updated_at=at))
    parent: int | None = event.parent_id
    return parent


def _descendants(db: Connection, event: Row[Any]) -> int:
    count = select(func.count()).select_from(events)
    if event.kind == "new_discussion":
        count = count.where(events.c.discussion_id == event.eventable_id)
    elif event.discussion_id is not None:
        count = count.where(
            events.c.discussion_id == event.discussion_id,
            events.c.id != event.id,
            events.c.position_key.startswith(event.position_key or "", autoescape=True),
        )
    else:
        return 0
    return db.execute(count).scalar_one()
