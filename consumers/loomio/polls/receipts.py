"""Stance receipts: who was invited to vote in a poll and, where that is not secret, whether they voted."""

import math
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, null, select

from consumers.loomio.schema.expressions import database_time
from consumers.loomio.schema.tables import stance_receipts, stances


def rewrite(db: Connection, poll: Row[Any]) -> None:
    """Replace the receipts of a poll: one for each of its latest stances.

    Do this before an anonymous poll loses its voters: the receipts are all that is left of them.
    """
    db.execute(delete(stance_receipts).where(stance_receipts.c.poll_id == poll.id))
    shows_votes = not poll.anonymous or quorum_reached(poll.quorum_pct, poll.voters_count)
    written = {
        "poll_id": stances.c.poll_id,
        "voter_id": stances.c.participant_id,
        "inviter_id": stances.c.inviter_id,
        "invited_at": stances.c.created_at,
        "vote_cast": stances.c.cast_at.is_not(None) if shows_votes else null(),
        "created_at": database_time(),
        "updated_at": database_time(),
    }
    latest = select(*written.values()).where(
        stances.c.poll_id == poll.id, stances.c.latest, stances.c.revoked_at.is_(None)
    )
    db.execute(insert(stance_receipts).from_select([*written], latest))


def quorum_reached(quorum_pct: int | None, voters_count: int) -> bool:
    """Whether a poll has a quorum and has reached it, by Loomio's rule.

    Loomio compares with the number of voters, not of votes cast, so that any quorum up to 100 % counts
    as reached. We keep that: receipts written by Loomio and by Treadle must not differ.
    """
    return quorum_pct is not None and math.ceil(quorum_pct / 100 * voters_count) <= voters_count
