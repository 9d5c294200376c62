"""Events: the facts that Loomio records, rows of `events`."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, insert, select

from consumers.loomio import versions
from consumers.loomio.schema.tables import (
    comments,
    discussions,
    events,
    membership_requests,
    memberships,
    outcomes,
    polls,
    reactions,
    received_emails,
    stances,
)


def record(
    db: Connection,
    kind: str,
    eventable_type: str,
    eventable_id: int,
    *,
    user_id: int | None,
    at: datetime,
    custom_fields: dict[str, Any] | None = None,
) -> int:
    """Record a fact that is not an item of a thread. Returns the event's id; publish it with `PublishEvent`."""
    event = insert(events).values(
        kind=kind,
        eventable_type=eventable_type,
        eventable_id=eventable_id,
        eventable_version_id=versions.newest(db, eventable_type, eventable_id),
        user_id=user_id,
        custom_fields=custom_fields or {},
        created_at=at,
        updated_at=at,
    )
    return int(db.execute(event.returning(events.c.id)).scalar_one())


def find(db: Connection, event_id: int) -> Row[Any]:
    """An event with the group, discussion and poll that its eventable belongs to, as far as they are known.

    Columns: those of `events`, with `thread_id` for the thread that the event is an item of; `group_id`,
    `discussion_id`, `poll_id`. Raises LookupError when there is no such event, or not yet: Loomio enqueues
    from within the transaction that inserts the row.
    """
    event = db.execute(_IN_CONTEXT.where(events.c.id == event_id)).one_or_none()
    if event is None:
        raise LookupError(f"event {event_id} does not exist, or its transaction has not been committed yet")
    return event


def _in_context() -> Any:
    # A reaction belongs to whatever the record it is about belongs to.
    subject_type = func.coalesce(reactions.c.reactable_type, events.c.eventable_type)
    subject_id = func.coalesce(reactions.c.reactable_id, events.c.eventable_id)

    def subject(record_type: str, key: Any) -> Any:
        return and_(subject_type == record_type, key == subject_id)

    poll_id = case(
        (subject_type == "Poll", subject_id),
        else_=func.coalesce(stances.c.poll_id, outcomes.c.poll_id),
    )
    discussion_id = case(
        (subject_type == "Discussion", subject_id),
        else_=func.coalesce(polls.c.discussion_id, comments.c.discussion_id, events.c.discussion_id),
    )
    group_id = case(
        (subject_type == "Group", subject_id),
        else_=func.coalesce(
            memberships.c.group_id,
            membership_requests.c.group_id,
            received_emails.c.group_id,
            polls.c.group_id,
            discussions.c.group_id,
        ),
    )
    return select(
        events.c.id,
        events.c.kind,
        events.c.eventable_type,
        events.c.eventable_id,
        events.c.created_at,
        events.c.user_id,
        events.c.custom_fields,
        events.c.sequence_id,
        events.c.discussion_id.label("thread_id"),
        group_id.label("group_id"),
        discussion_id.label("discussion_id"),
        poll_id.label("poll_id"),
    ).select_from(
        events.outerjoin(
            reactions, and_(events.c.eventable_type == "Reaction", reactions.c.id == events.c.eventable_id)
        )
        .outerjoin(comments, subject("Comment", comments.c.id))
        .outerjoin(stances, subject("Stance", stances.c.id))
        .outerjoin(outcomes, subject("Outcome", outcomes.c.id))
        .outerjoin(memberships, subject("Membership", memberships.c.id))
        .outerjoin(membership_requests, subject("MembershipRequest", membership_requests.c.id))
        .outerjoin(received_emails, subject("ReceivedEmail", received_emails.c.id))
        .outerjoin(polls, polls.c.id == poll_id)
        .outerjoin(discussions, discussions.c.id == discussion_id)
    )


_IN_CONTEXT = _in_context()
