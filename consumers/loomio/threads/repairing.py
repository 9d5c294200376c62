"""Repairing threads: the sequence ids of their items, what a discussion stores about them, and the repair itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql

from consumers.loomio.schema.tables import (
    comments,
    discussions,
    events,
    outcomes,
    partition_sequences,
    polls,
    stances,
)
from consumers.loomio.threads import counts, items, parents, ranges, readers
from consumers.loomio.threads.ranges import Ranges

_SEQUENCE = "discussions_sequence_id"


def repair(db: Connection, discussion_id: int, *, at: datetime) -> set[int]:
    """Set the sequence ids, parents, positions and counts of a thread's items again.

    Returns the ids of broken items: their eventable is gone, and they stay in the thread without a parent. A
    discussion that does not exist has nothing to repair. No one else can add items meanwhile.

    Unlike Loomio's own repair, it does not stop at a broken item, and it nests parents before their children
    even when their sequence ids say otherwise.
    """
    discussion = _lock(db, discussion_id)
    if discussion is None:
        return set()
    created = parents.created_event(db, "Discussion", discussion_id)
    if created is None:
        created = _insert_created_event(db, discussion, at=at)
    natural, broken = parents.find(db, items.of_thread(db, discussion_id), created, at=at)
    _number_new_items(db, discussion_id, broken, at=at)
    items.arrange(db, discussion, created, natural)
    counts.recount_items(db, discussion_id)
    counts.recount(db, created, at=at)
    readers.clip(db, discussion_id, refresh(db, discussion_id))
    return broken


def refresh(db: Connection, discussion_id: int) -> Ranges:
    """Compute what a discussion stores about its items: how many, which, last activity. Returns the ranges."""
    mine = events.c.discussion_id == discussion_id
    numbers = db.scalars(select(events.c.sequence_id).where(mine, events.c.sequence_id.is_not(None))).all()
    found = ranges.of_numbers(numbers)
    db.execute(
        update(discussions)
        .where(discussions.c.id == discussion_id)
        .values(
            items_count=len(numbers),
            ranges_string=ranges.text_of(found),
            last_activity_at=func.greatest(
                discussions.c.created_at,
                *(activity.scalar_subquery() for activity in _last_activities(discussion_id)),
            ),
        )
    )
    return found


def next_sequence_ids(db: Connection, discussion_id: int, count: int) -> range:
    """Take the next `count` sequence ids of a thread. Other writers of the thread wait until we commit."""
    highest = select(func.coalesce(func.max(events.c.sequence_id), 0))
    first_use = postgresql.insert(partition_sequences).values(
        key=_SEQUENCE,
        id=discussion_id,
        counter=highest.where(events.c.discussion_id == discussion_id).scalar_subquery(),
    )
    db.execute(first_use.on_conflict_do_nothing())
    taken = (
        update(partition_sequences)
        .where(partition_sequences.c.key == _SEQUENCE, partition_sequences.c.id == discussion_id)
        .values(counter=partition_sequences.c.counter + count)
    )
    last = int(db.execute(taken.returning(partition_sequences.c.counter)).scalar_one())
    return range(last - count + 1, last + 1)


def _lock(db: Connection, discussion_id: int) -> Row[Any] | None:
    # Whoever adds an item locks the thread's sequence row first, then the discussion: the same order here.
    sequence = (partition_sequences.c.key == _SEQUENCE) & (partition_sequences.c.id == discussion_id)
    db.execute(select(partition_sequences.c.id).where(sequence).with_for_update())
    discussion = select(discussions).where(discussions.c.id == discussion_id)
    return db.execute(discussion.with_for_update(key_share=True)).one_or_none()


def _insert_created_event(db: Connection, discussion: Row[Any], *, at: datetime) -> int:
    event = insert(events).values(
        kind="new_discussion",
        eventable_type="Discussion",
        eventable_id=discussion.id,
        user_id=discussion.author_id,
        created_at=discussion.created_at,
        updated_at=at,
    )
    return int(db.execute(event.returning(events.c.id)).scalar_one())


def _number_new_items(db: Connection, discussion_id: int, broken: set[int], *, at: datetime) -> None:
    """Give items without a sequence id the next ones, in order of id, as saves with callbacks would."""
    of_thread = items.of_thread(db, discussion_id)
    new = [item for item in of_thread if item.sequence_id is None and item.id not in broken]
    if not new:
        return
    numbers = next_sequence_ids(db, discussion_id, len(new))
    numbered = update(events).where(events.c.id == bindparam("event"))
    db.execute(
        numbered.values(sequence_id=bindparam("number"), updated_at=at),
        [{"event": item.id, "number": number} for item, number in zip(new, numbers, strict=True)],
    )
    for parent_id in dict.fromkeys(item.parent_id for item in new):
        counts.recount_ancestors(db, parent_id, at=at)


def _last_activities(discussion_id: int) -> list[Select[Any]]:
    """The newest comment, poll and outcome, and one vote, by Loomio's rule."""
    its_polls = polls.c.discussion_id == discussion_id
    latest_stances = (
        select(stances.c.created_at)
        .join(polls, polls.c.id == stances.c.poll_id)
        .where(its_polls, stances.c.latest, stances.c.revoked_at.is_(None))
    )
    return [
        select(func.max(comments.c.created_at)).where(
            comments.c.discussion_id == discussion_id, comments.c.discarded_at.is_(None)
        ),
        select(func.max(polls.c.created_at)).where(its_polls, polls.c.discarded_at.is_(None)),
        select(func.max(outcomes.c.created_at))
        .join(polls, polls.c.id == outcomes.c.poll_id)
        .where(its_polls),
        # The vote saved longest ago, where one would expect the newest: one of Loomio's oddities.
        latest_stances.order_by(stances.c.updated_at, stances.c.id).limit(1),
    ]
