"""The search rows of a practice co-op: written by the database from what has just been loaded."""

from sqlalchemy import Connection, text

# Per type: fields, author, group, discussion, poll and moment of what Loomio lets be found.
_FOUND = {
    "Discussion": """
        SELECT id, concat_ws(' ', title, description), author_id, group_id, id, NULL::bigint, created_at
        FROM discussions WHERE discarded_at IS NULL""",
    "Comment": """
        SELECT r.id, r.body, r.user_id, d.group_id, r.discussion_id, NULL::bigint, r.created_at
        FROM comments r JOIN discussions d ON d.id = r.discussion_id
        WHERE r.discarded_at IS NULL AND d.discarded_at IS NULL""",
    "Poll": """
        SELECT id, concat_ws(' ', title, details), author_id, group_id, discussion_id, id, created_at
        FROM polls WHERE discarded_at IS NULL""",
    "Stance": """
        SELECT r.id, r.reason, r.participant_id, p.group_id, p.discussion_id, r.poll_id, r.cast_at
        FROM stances r JOIN polls p ON p.id = r.poll_id
        WHERE p.discarded_at IS NULL AND r.cast_at IS NOT NULL
          AND (p.closed_at IS NOT NULL OR NOT (p.anonymous OR p.hide_results = 2))""",
    "Outcome": """
        SELECT r.id, r.statement, r.author_id, p.group_id, p.discussion_id, r.poll_id, r.created_at
        FROM outcomes r JOIN polls p ON p.id = r.poll_id WHERE p.discarded_at IS NULL""",
}
_WRITE = """
    INSERT INTO pg_search_documents (searchable_type, searchable_id, content, ts_content, author_id, group_id,
        discussion_id, poll_id, authored_at, created_at, updated_at)
    SELECT :type, id, content, to_tsvector('simple', content), author_id, group_id, discussion_id, poll_id,
        at, at, at
    FROM (
        SELECT found.id, regexp_replace(concat_ws(' ', fields, users.name), '<[^>]+>', '', 'g') AS content,
            author_id, group_id, discussion_id, poll_id, at
        FROM ({found}) AS found (id, fields, author_id, group_id, discussion_id, poll_id, at)
        LEFT JOIN users ON users.id = author_id
    ) AS cleaned
    ORDER BY id"""


def write(db: Connection) -> None:
    """Write the search rows of all discussions, comments, polls, stances and outcomes, in this order.

    They are dated as what they find, not by the clock, so that a seed repeats them.
    """
    for searchable_type, found in _FOUND.items():
        db.execute(text(_WRITE.format(found=found)), {"type": searchable_type})
