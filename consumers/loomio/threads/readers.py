"""Readers: what one person has read of a thread, and how much they want to hear about it."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, literal, select, update
from sqlalchemy.dialects import postgresql

from consumers.loomio.groups import counters
from consumers.loomio.schema.tables import (
    discussion_readers,
    discussions,
    memberships,
    polls,
    stances,
    users,
)
from consumers.loomio.threads import ranges
from consumers.loomio.threads.ranges import Ranges

_NORMAL, _LOUD = 2, 3
_KINDS = {
    "new_comment",
    "new_discussion",
    "discussion_edited",
    "poll_created",
    "poll_edited",
    "stance_created",
    "outcome_created",
    "poll_closed_by_user",
}
_ABOUT_THE_THREAD = {"new_discussion", "discussion_edited"}


def ranges_read(reader: Row[Any]) -> Ranges:
    """What a reader has read. Old readers have no ranges, only the last sequence id they read."""
    if reader.read_ranges_string is None and reader.last_read_sequence_id > 0:
        return [(1, reader.last_read_sequence_id)]
    return ranges.parse(reader.read_ranges_string)


def clip(db: Connection, discussion_id: int, items: Ranges) -> None:
    """Remove items that no longer exist from what everyone has read of a thread."""
    readers = select(discussion_readers).where(discussion_readers.c.discussion_id == discussion_id)
    for reader in db.execute(readers.with_for_update(key_share=True)).all():
        read = ranges.text_of(ranges.intersect(ranges_read(reader), items))
        if read != reader.read_ranges_string:
            clipped = update(discussion_readers).where(discussion_readers.c.id == reader.id)
            db.execute(clipped.values(read_ranges_string=read))


def note_own_part(db: Connection, event: Row[Any], *, at: datetime) -> None:
    """Mark what someone wrote in a thread as read by them and, if they wish, notify them of all that follows.

    `event` is a row from `events.find`. This is step B of Loomio's fan-out, for eight kinds and in threads only.
    """
    if event.kind not in _KINDS:
        return
    discussion_id = event.eventable_id if event.kind in _ABOUT_THE_THREAD else event.thread_id
    # Discussion before reader, as in a repair: two that waited for each other would be a deadlock.
    thread = select(discussions).where(discussions.c.id == discussion_id)
    discussion = db.execute(thread.with_for_update(key_share=True)).one_or_none()
    if discussion is None:
        return
    actor = _actor(db, event, discussion)
    if actor is None:
        return
    reader, new = _reader(db, discussion, actor.id, at=at)
    changes: dict[str, Any] = {}
    if event.sequence_id is not None:
        read = ranges.merge(ranges_read(reader), [(event.sequence_id, event.sequence_id)])
        changes |= {"read_ranges_string": ranges.text_of(read), "last_read_at": at}
    if actor.email_on_participation:
        changes["volume"] = _LOUD
    changes = {column: value for column, value in changes.items() if value != reader._mapping[column]}
    if changes:
        mine = update(discussion_readers).where(discussion_readers.c.id == reader.id)
        db.execute(mine.values(**changes, updated_at=at))
    if changes or new:
        counters.recount_discussion(db, discussion.id, "seen_by_count", "members_count", at=at)


def _actor(db: Connection, event: Row[Any], discussion: Row[Any]) -> Row[Any] | None:
    """Who did it: for an anonymous vote the voter, while they are known; otherwise the discussion's author."""
    actor_id = event.user_id
    if event.eventable_type == "Stance":
        voter = (
            select(stances.c.participant_id)
            .join(polls, polls.c.id == stances.c.poll_id)
            .where(stances.c.id == event.eventable_id, polls.c.anonymous)
        )
        if vote := db.execute(voter).one_or_none():
            actor_id = vote.participant_id
    for user_id in (actor_id, discussion.author_id):
        if user := db.execute(select(users).where(users.c.id == user_id)).one_or_none():
            return user
    return None


def _reader(db: Connection, discussion: Row[Any], user_id: int, *, at: datetime) -> tuple[Row[Any], bool]:
    """The user's reader of this thread, locked, and whether it is new: it is created if they have none."""
    its_volume = (
        select(memberships.c.volume)
        .where(
            memberships.c.group_id == discussion.group_id,
            memberships.c.user_id == user_id,
            memberships.c.revoked_at.is_(None),
        )
        .limit(1)
    )
    created = postgresql.insert(discussion_readers).values(
        user_id=user_id,
        discussion_id=discussion.id,
        volume=func.coalesce(its_volume.scalar_subquery(), literal(_NORMAL)),
        token=secrets.token_urlsafe(18),
        created_at=at,
        updated_at=at,
    )
    new = db.execute(created.on_conflict_do_nothing().returning(discussion_readers.c.id)).one_or_none()
    mine = select(discussion_readers).where(
        discussion_readers.c.user_id == user_id, discussion_readers.c.discussion_id == discussion.id
    )
    return db.execute(mine.with_for_update(key_share=True)).one(), new is not None
