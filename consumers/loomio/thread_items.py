"""The items of a thread: read in order, hung under their parents, numbered among their siblings."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, or_, select, update

from consumers.loomio.expressions import among
from consumers.loomio.tables import events, partition_sequences
from consumers.loomio.thread_order import Place, Position, number, place


def of_thread(db: Connection, discussion_id: int) -> list[Row[Any]]:
    """The items of a thread as rows of `events`, in order of sequence; those without a number come last."""
    items = select(events).where(events.c.discussion_id == discussion_id)
    return list(db.execute(items.order_by(events.c.sequence_id, events.c.id)))


def arrange(db: Connection, discussion: Row[Any], created_event: int, natural: Mapping[int, int]) -> None:
    """Hang all items under their parents and number them.

    `natural` tells the natural parent of an item; without one an item has no parent and no position.
    """
    items = {item.id: item for item in of_thread(db, discussion.id)}
    outside = _with_parents(db, {created_event, *natural.values()} - items.keys())
    places_outside = {event.id: Place(event.parent_id, event.depth) for event in outside}
    places = place(items, natural, places_outside, discussion.max_depth)
    parents = {created_event, *(at.parent_id for at in places.values() if at.parent_id is not None)}
    elsewhere = _children_elsewhere(db, parents, discussion.id)

    family = {event.id: event.parent_id for event in elsewhere} | {
        item: at.parent_id for item, at in places.items()
    }
    in_order = sorted([*items.values(), *elsewhere], key=_by_sequence)
    positions = number(
        [(parent, event.id) for event in in_order if (parent := family[event.id]) is not None],
        {event: at.depth for event, at in (places_outside | places).items()},
        {event.id: event.position_key for event in outside},
    )

    _move(db, items.values(), places, positions)
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
    """Items of other threads under these parents: an answer stays behind when its comment moves away."""
    children = among(events.c.parent_id, parents)
    return list(db.execute(select(events).where(children, events.c.discussion_id != discussion_id)))


def _move(
    db: Connection,
    items: Iterable[Row[Any]],
    places: Mapping[int, Place],
    positions: Mapping[int, Position],
) -> None:
    changes = []
    for item in items:
        at = places.get(item.id, Place(item.parent_id, item.depth))
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
