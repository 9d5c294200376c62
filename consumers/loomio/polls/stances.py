"""Stances: the votes in a poll."""

from sqlalchemy import Connection, func, select, update

from consumers.loomio.schema.tables import events, stances


def forget_participants(db: Connection, poll_id: int) -> None:
    """Remove the voters from all stances of an anonymous poll, older and revoked ones too. Cannot be undone."""
    db.execute(update(stances).where(stances.c.poll_id == poll_id).values(participant_id=None))


def bring_into_thread(db: Connection, poll_id: int, discussion_id: int) -> None:
    """Turn the latest stances that give a reason into items of the thread, which then needs repair.

    Used for results that were hidden until closing: their stances stay out of the thread until then.
    """
    with_reason = select(stances.c.id).where(
        stances.c.poll_id == poll_id,
        stances.c.latest,
        stances.c.revoked_at.is_(None),
        func.coalesce(stances.c.reason, "").not_in(["", "<p></p>"]),
    )
    db.execute(
        update(events)
        .where(
            events.c.kind == "stance_created",
            events.c.eventable_id.in_(with_reason),
            events.c.discussion_id.is_(None),
        )
        .values(discussion_id=discussion_id)
    )
