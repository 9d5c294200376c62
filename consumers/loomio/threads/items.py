"""The items of a thread: read in order, nested under their parents, numbered among their siblings."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, or_, select, update

from consumers.loomio.schema.expressions import among
from consumers.loomio.schema.tables import events, partition_sequences
from consumers.loomio.threads.order import Nesting, Position, nest, number


def of_thread(db: Connection, discussion_id: int) -> list[Row[Any]]:
    """The items of a thread as rows of `events`, in order of sequence; those without a number come last."""
    items = select(events).where(events.c.discussion_id == discussion_id)
    return list(db.execute(items.order_by(events.c.sequence_id, events.c.id)))


def arrange(db: Connection, discussion: Row[Any], created_event: int, natural: Mapping[int, int]) -> None:
    """Nest all items under their parents, and number them.

    `natural` has the natural parents of the items; an item without one has no parent and no position.
    """
    items = {item.id: item for item in of_thread(db, discussion.id)}
    outside = _with_parents(db, {created_event, *natural.values()} - items.keys())
    nested_outside = {event.id: Nesting(event.parent_id, event.depth) for event in outside}
    nested = nest(items, natural, nested_outside, discussion.max_depth)
    parents = {created_event, *(each.parent_id for each in nested.values() if each.parent_id is not None)}
    elsewhere = _children_elsewhere(db, parents, discussion.id)

    family = {event.id: event.parent_id for event in elsewhere} | {
        item: each.parent_id for item, each in nested.items()
    }
    in_order = sorted([*items.values(), *elsewhere], key=_by_sequence)
    positions = number(
        [(parent, event.id) for event in in_order if (parent := family[event.id]) is not None],
        {event: each.depth for event, each in (nested_outside | nested).items()},
        {event.id: event.position_key for event in outside},
    )

    _move(db, items.values(), nested, positions)
    _move(db, elsewhere, {}, positions)
    # The counter of the children starts again from their highest position when it is used next.
    counters = (partition_sequences.c.key == "events_position") & among(partition_sequences.c.id, parents)
    db.execute(delete(partition_sequences).where(counters))


def _by_sequence(event: Row[Any]) -> tuple[bool, int, int]:
    return (event.sequence_id is None, event.sequence_id or 0, event.id)


def _with_parents(db: Connection, event_ids: Collection[int]) -> list[Row[Any]]:
    these = among(events.c.id, event_ids)
    parents = events.c.id.in_(select(events.c.parent_id).where(these))
    return list(db.execute(select(events).where(or_(these, parents))))


def _children_elsewhere(db: Connection, parents: Collection[int], discussion_id: int) -> list[Row[Any]]:
    """Items of other threads under these parents: a reply stays behind when its comment is moved."""
    children = among(events.c.parent_id, parents)
    return list(db.execute(select(events).where(children, events.c.discussion_id != discussion_id)))


def _move(
    db: Connection,
    items: Iterable[Row[Any]],
    nested: Mapping[int, Nesting],
    positions: Mapping[int, Position],
) -> None:
    changes = []
    for item in items:
        at = nested.get(item.id, Nesting(item.parent_id, item.depth))
        position = positions.get(item.id, Position())
        if (*at, *position) != (item.parent_id, item.depth, item.position, item.position_key):
            changes.append(
                {
                    "event": item.id,
                    "new_parent": at.parent_id,
                    "new_depth": at.depth,
                    "new_position": position.number,
                    "new_key": position.key,
                }
            )
    if changes:
        moved = update(events).values(
            parent_id=bindparam("new_parent"),
            depth=bindparam("new_depth"),
            position=bindparam("new_position"),
            position_key=bindparam("new_key"),
        )
        db.execute(moved.where(events.c.id == bindparam("event")), changes)
