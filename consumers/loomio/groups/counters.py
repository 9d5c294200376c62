"""Counter columns: how much of something belongs to a group, a discussion or a user.

A recount is what Loomio calls a save with callbacks: `updated_at` changes when a count changed, a discussion's
search row is rebuilt, and a user's initials are set again. Texts and tags of the row are left alone.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Table, bindparam, func, select, update

from consumers.loomio.people.initials import avatar_initials
from consumers.loomio.schema.tables import (
    discussion_readers,
    discussion_templates,
    discussions,
    groups,
    memberships,
    poll_templates,
    polls,
    users,
)
from consumers.loomio.search import index


def _count(owner: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).where(owner == bindparam("owner"), *conditions).scalar_subquery()


_memberships, _active = memberships.c.group_id, memberships.c.revoked_at.is_(None)
_discussions, _kept = discussions.c.group_id, discussions.c.discarded_at.is_(None)
_closed = polls.c.discarded_at.is_(None) & polls.c.closed_at.is_not(None)
_subgroups = groups.alias("subgroups")

GROUP_COUNTS = {
    "memberships_count": _count(_memberships, _active),
    "pending_memberships_count": _count(_memberships, _active, memberships.c.accepted_at.is_(None)),
    "admin_memberships_count": _count(_memberships, _active, memberships.c.admin),
    "delegates_count": _count(_memberships, _active, memberships.c.delegate),
    "discussions_count": _count(_discussions, _kept),
    "public_discussions_count": _count(_discussions, _kept, ~discussions.c.private),
    "open_discussions_count": _count(_discussions, _kept, discussions.c.closed_at.is_(None)),
    "closed_discussions_count": _count(_discussions, _kept, discussions.c.closed_at.is_not(None)),
    "polls_count": _count(polls.c.group_id),  # discarded ones too: one of Loomio's oddities
    "closed_polls_count": _count(polls.c.group_id, _closed),
    "subgroups_count": _count(_subgroups.c.parent_id, _subgroups.c.archived_at.is_(None)),
    "discussion_templates_count": _count(
        discussion_templates.c.group_id, discussion_templates.c.discarded_at.is_(None)
    ),
    "poll_templates_count": _count(poll_templates.c.group_id, poll_templates.c.discarded_at.is_(None)),
}
DISCUSSION_COUNTS = {
    "closed_polls_count": _count(polls.c.discussion_id, _closed),
    "anonymous_polls_count": _count(polls.c.discussion_id, polls.c.anonymous),  # discarded ones too
    "seen_by_count": _count(
        discussion_readers.c.discussion_id, discussion_readers.c.last_read_at.is_not(None)
    ),
    "members_count": _count(discussion_readers.c.discussion_id, discussion_readers.c.revoked_at.is_(None)),
}
USER_COUNTS = {"memberships_count": _count(memberships.c.user_id, _active)}


def recount_group(db: Connection, group_id: int | None, *columns: str, at: datetime) -> None:
    """Recount these columns of a group (names in `GROUP_COUNTS`). Without a group there is nothing to do."""
    _recount(db, groups, group_id, {column: GROUP_COUNTS[column] for column in columns}, at=at)


def recount_discussion(db: Connection, discussion_id: int | None, *columns: str, at: datetime) -> None:
    """Recount these columns of a discussion (names in `DISCUSSION_COUNTS`), and rebuild its search row."""
    counts = {column: DISCUSSION_COUNTS[column] for column in columns}
    if discussion_id is not None and _recount(db, discussions, discussion_id, counts, at=at):
        index.rewrite(db, "Discussion", discussion_id)


def recount_user(db: Connection, user_id: int, *, at: datetime) -> None:
    """Recount the memberships of a user, and set their initials."""
    person = select(users.c.name, users.c.email, users.c.deactivated_at).where(users.c.id == user_id)
    if row := db.execute(person).one_or_none():
        initials = avatar_initials(row.name, row.email, deactivated=row.deactivated_at is not None)
        saved = USER_COUNTS | {"avatar_initials": select(bindparam("initials", initials)).scalar_subquery()}
        _recount(db, users, user_id, saved, at=at)


def _recount(
    db: Connection, table: Table, row_id: int | None, counts: dict[str, ScalarSelect[Any]], *, at: datetime
) -> bool:
    """Whether the row exists. Rows of one table are locked one at a time, discussions before groups."""
    # Lock first, and count in a separate statement: otherwise two polls of one group that close at the same
    # time would each count without the other.
    mine = table.c.id == row_id
    columns = [table.c[column] for column in counts]
    stored = db.execute(select(*columns).where(mine).with_for_update(key_share=True)).one_or_none()
    if stored is None:
        return False
    counted = db.execute(
        select(*(count.label(column) for column, count in counts.items())), {"owner": row_id}
    ).one()
    if tuple(counted) != tuple(stored):
        db.execute(update(table).where(mine).values(**counted._mapping, updated_at=at))
    return True
