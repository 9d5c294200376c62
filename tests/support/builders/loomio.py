"""Builders of Loomio's rows, and two ways to read rows afterwards.

Each builder takes the database and columns by name, and returns the inserted row.
"""

import itertools
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Row, Table, insert, select

from consumers.loomio.schema import tables

LAST_WEEK = datetime(2025, 12, 1, 12, tzinfo=UTC)

_numbers = itertools.count(1)


def a_group(loomio: Engine, **columns: Any) -> Row[Any]:
    return _insert(loomio, tables.groups, {"name": "Garden"} | _times() | columns)


def a_user(loomio: Engine, **columns: Any) -> Row[Any]:
    number = next(_numbers)
    defaults = {"name": f"Person {number}", "email": f"person{number}@example.test", "email_verified": True}
    return _insert(loomio, tables.users, defaults | {"key": f"user{number}"} | _times() | columns)


def a_membership(loomio: Engine, **columns: Any) -> Row[Any]:
    return _insert(loomio, tables.memberships, {"accepted_at": LAST_WEEK, "volume": 2} | _times() | columns)


def a_discussion(loomio: Engine, *, created_event: bool = True, **columns: Any) -> Row[Any]:
    """A discussion, with the event that announces it."""
    defaults = {"title": "Compost", "description": "", "key": f"discussion{next(_numbers)}", "author_id": 1}
    discussion = _insert(loomio, tables.discussions, defaults | _times() | columns)
    if created_event:
        an_event(
            loomio,
            kind="new_discussion",
            eventable_type="Discussion",
            eventable_id=discussion.id,
            user_id=discussion.author_id,
        )
    return discussion


def a_reader(loomio: Engine, **columns: Any) -> Row[Any]:
    return _insert(loomio, tables.discussion_readers, {"user_id": next(_numbers)} | _times() | columns)


def a_comment(loomio: Engine, **columns: Any) -> Row[Any]:
    """A comment: an answer to the discussion unless it names another parent."""
    answers = {"parent_type": "Discussion", "parent_id": columns.get("discussion_id")}
    return _insert(loomio, tables.comments, answers | {"body": "yes", "user_id": 1} | _times() | columns)


def a_poll(loomio: Engine, **columns: Any) -> Row[Any]:
    """An open poll. It closes after the tests' `NOW` unless it names another time."""
    defaults = {
        "title": "Apples",
        "details": "",
        "poll_type": "proposal",
        "key": f"poll{next(_numbers)}",
        "author_id": 1,
        "closing_at": datetime(2025, 12, 20, tzinfo=UTC),
    }
    return _insert(loomio, tables.polls, defaults | _times() | columns)


def a_stance(loomio: Engine, **columns: Any) -> Row[Any]:
    """A latest stance, cast if it names `cast_at`."""
    return _insert(loomio, tables.stances, {"participant_id": 1} | _times() | columns)


def an_outcome(loomio: Engine, **columns: Any) -> Row[Any]:
    return _insert(loomio, tables.outcomes, {"statement": "so be it", "author_id": 1} | _times() | columns)


def an_event(loomio: Engine, **columns: Any) -> Row[Any]:
    return _insert(loomio, tables.events, _times() | columns)


def an_item(loomio: Engine, record: Row[Any], kind: str, **columns: Any) -> Row[Any]:
    """An event about a comment, poll, stance or outcome: an item of a thread that has no position yet.

    Give `discussion_id` if the record has none, and `sequence_id`, or None for an item without one.
    """
    of_kind = {"comment": "Comment", "poll": "Poll", "stance": "Stance", "outcome": "Outcome"}
    record_type = next(name for word, name in of_kind.items() if word in kind)
    about = {"kind": kind, "eventable_type": record_type, "eventable_id": record.id}
    thread = {"discussion_id": record._mapping.get("discussion_id")}
    return an_event(loomio, **(about | thread | columns))


def the(loomio: Engine, row: Row[Any], table: Table) -> Row[Any]:
    """A row as it is now."""
    with loomio.connect() as db:
        return db.execute(select(table).where(table.c.id == row.id)).one()


def every(loomio: Engine, table: Table, *columns: str) -> list[Any]:
    """These columns of all rows, sorted; plain values if there is only one column."""
    with loomio.connect() as db:
        rows = db.execute(select(*(table.c[column] for column in columns))).all()
    found = [row[0] if len(columns) == 1 else tuple(row) for row in rows]
    return sorted(found, key=repr)


def _times() -> dict[str, datetime]:
    return {"created_at": LAST_WEEK, "updated_at": LAST_WEEK}


def _insert(loomio: Engine, table: Table, columns: dict[str, Any]) -> Row[Any]:
    with loomio.begin() as db:
        return db.execute(insert(table).values(**columns).returning(*table.c)).one()
