"""The search index: one row of `pg_search_documents` for everything people wrote that may be found."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    not_,
    null,
    select,
)

from consumers.loomio.schema.expressions import database_time
from consumers.loomio.schema.tables import (
    comments,
    discussions,
    events,
    outcomes,
    pg_search_documents,
    polls,
    stances,
    users,
)
from consumers.loomio.search import lock

_COLUMNS = [
    "searchable_type",
    "searchable_id",
    "group_id",
    "discussion_id",
    "poll_id",
    "author_id",
    "authored_at",
    "content",
    "ts_content",
    "created_at",
    "updated_at",
]
_UNTIL_CLOSED = 2  # polls.hide_results


def reindex_discussion(db: Connection, discussion_id: int) -> None:
    """Rebuild the rows of a thread: the discussion, and everything said and voted in it."""
    its_polls = db.scalars(select(polls.c.id).where(polls.c.discussion_id == discussion_id)).all()
    lock.hold(db, poll_ids=its_polls, discussion_id=discussion_id)
    _replace(
        db,
        pg_search_documents.c.discussion_id == discussion_id,
        [
            _discussions().where(discussions.c.id == discussion_id),
            # Comments by their items: one that was moved elsewhere is found where it is shown.
            _comments()
            .join(
                events,
                and_(events.c.eventable_type == "Comment", events.c.eventable_id == comments.c.id),
            )
            .where(events.c.discussion_id == discussion_id),
            _polls().where(polls.c.discussion_id == discussion_id),
            _stances().where(polls.c.discussion_id == discussion_id),
            _outcomes().where(polls.c.discussion_id == discussion_id),
        ],
    )


def reindex_poll(db: Connection, poll_id: int) -> None:
    """Rebuild the rows of a poll, its stances and its outcomes."""
    lock.hold(db, poll_ids=[poll_id])
    _replace(
        db,
        pg_search_documents.c.poll_id == poll_id,
        [
            _polls().where(polls.c.id == poll_id),
            _stances().where(stances.c.poll_id == poll_id),
            _outcomes().where(outcomes.c.poll_id == poll_id),
        ],
    )


def reindex_author(db: Connection, author_id: int) -> None:
    """Rebuild the rows of everything one person wrote."""
    lock.hold_all(db)
    _replace(
        db,
        pg_search_documents.c.author_id == author_id,
        [
            _discussions().where(discussions.c.author_id == author_id),
            _comments().where(comments.c.user_id == author_id),
            _polls().where(polls.c.author_id == author_id),
            _stances().where(stances.c.participant_id == author_id),
            _outcomes().where(outcomes.c.author_id == author_id),
        ],
    )


def reindex_everything(db: Connection) -> None:
    """Rebuild the whole index. Readers see the old one until the transaction ends."""
    lock.hold_all(db)
    _replace(db, literal(True), [find() for find, _ in _KINDS.values()])


def rewrite(db: Connection, searchable_type: str, searchable_id: int) -> None:
    """Rebuild the row of one record (a Discussion, Comment, Poll, Stance or Outcome), as each save of it does.

    A record that may no longer be found loses its row.
    """
    find, its_id = _KINDS[searchable_type]
    _hold(db, searchable_type, searchable_id)
    _replace(
        db,
        and_(
            pg_search_documents.c.searchable_type == searchable_type,
            pg_search_documents.c.searchable_id == searchable_id,
        ),
        [find().where(its_id == searchable_id)],
    )


def _hold(db: Connection, searchable_type: str, searchable_id: int) -> None:
    match searchable_type:
        case "Discussion":
            lock.hold(db, discussion_id=searchable_id)
        case "Poll":
            lock.hold(db, poll_ids=[searchable_id])
        case "Comment":
            thread = select(comments.c.discussion_id).where(comments.c.id == searchable_id)
            lock.hold(db, discussion_id=db.scalar(thread))
        case _:
            table = stances if searchable_type == "Stance" else outcomes
            poll_id = db.scalar(select(table.c.poll_id).where(table.c.id == searchable_id))
            lock.hold(db, poll_ids=[] if poll_id is None else [poll_id])


def _replace(db: Connection, old: ColumnElement[bool], new: Iterable[Select[Any]]) -> None:
    db.execute(delete(pg_search_documents).where(old))
    for rows in new:
        db.execute(insert(pg_search_documents).from_select(_COLUMNS, rows))


def _discussions() -> Select[Any]:
    d = discussions.c
    rows = _rows(
        "Discussion", d.id, d.group_id, d.id, null(), d.author_id, d.created_at, d.title, d.description
    )
    return rows.select_from(discussions.outerjoin(users, users.c.id == d.author_id)).where(
        d.discarded_at.is_(None)
    )


def _comments() -> Select[Any]:
    c, d = comments.c, discussions.c
    rows = _rows("Comment", c.id, d.group_id, d.id, null(), c.user_id, c.created_at, c.body)
    return rows.select_from(
        comments.outerjoin(discussions, d.id == c.discussion_id).outerjoin(users, users.c.id == c.user_id)
    ).where(c.discarded_at.is_(None), d.discarded_at.is_(None))


def _polls() -> Select[Any]:
    p = polls.c
    rows = _rows(
        "Poll", p.id, p.group_id, p.discussion_id, p.id, p.author_id, p.created_at, p.title, p.details
    )
    return rows.select_from(polls.outerjoin(users, users.c.id == p.author_id)).where(p.discarded_at.is_(None))


def _stances() -> Select[Any]:
    """Votes that were cast and are not secret, or no longer; revoked and older ones too."""
    s, p = stances.c, polls.c
    rows = _rows("Stance", s.id, p.group_id, p.discussion_id, p.id, s.participant_id, s.cast_at, s.reason)
    return rows.select_from(
        stances.join(polls, p.id == s.poll_id).outerjoin(users, users.c.id == s.participant_id)
    ).where(
        p.discarded_at.is_(None),
        s.cast_at.is_not(None),
        not_(and_(p.anonymous, p.closed_at.is_(None))),
        not_(and_(p.hide_results == _UNTIL_CLOSED, p.closed_at.is_(None))),
    )


def _outcomes() -> Select[Any]:
    o, p = outcomes.c, polls.c
    rows = _rows(
        "Outcome", o.id, p.group_id, p.discussion_id, o.poll_id, o.author_id, o.created_at, o.statement
    )
    return rows.select_from(
        outcomes.outerjoin(polls, p.id == o.poll_id).outerjoin(users, users.c.id == o.author_id)
    ).where(p.discarded_at.is_(None))


def _rows(
    searchable_type: str,
    searchable_id: ColumnElement[Any],
    group_id: ColumnElement[Any],
    discussion_id: ColumnElement[Any],
    poll_id: ColumnElement[Any],
    author_id: ColumnElement[Any],
    authored_at: ColumnElement[Any],
    *texts: ColumnElement[Any],
) -> Select[Any]:
    """Rows in the order of `_COLUMNS`: the searchable content is the texts and the author's name, without HTML tags."""
    content = func.regexp_replace(func.concat_ws(" ", *texts, users.c.name), "<[^>]+>", "", "g")
    return select(
        literal(searchable_type),
        searchable_id,
        group_id,
        discussion_id,
        poll_id,
        author_id,
        authored_at,
        content,
        func.to_tsvector("simple", content),
        database_time(),
        database_time(),
    )


_KINDS = {
    "Discussion": (_discussions, discussions.c.id),
    "Comment": (_comments, comments.c.id),
    "Poll": (_polls, polls.c.id),
    "Stance": (_stances, stances.c.id),
    "Outcome": (_outcomes, outcomes.c.id),
}
