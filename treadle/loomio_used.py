"""What Treadle uses of Loomio's database: the tables and columns that `treadle check` compares.

A table or column that is not here may go, or change, without a word. `tests/unit/test_loomio_used.py`
keeps the list in step with the queries of `consumers/loomio/`.
"""

USED: dict[str, tuple[str, ...]] = {
    "comments": (
        "id", "discussion_id", "body", "user_id", "parent_id", "parent_type", "created_at", "discarded_at",
    ),
    "discussion_readers": (
        "id", "discussion_id", "user_id", "last_read_sequence_id", "read_ranges_string",
    ),
    "discussions": (
        "id", "group_id", "author_id", "title", "description", "max_depth", "items_count", "ranges_string",
        "last_activity_at", "closed_polls_count", "anonymous_polls_count", "created_at", "updated_at",
        "discarded_at",
    ),
    "events": (
        "id", "kind", "eventable_type", "eventable_id", "eventable_version_id", "user_id", "discussion_id",
        "sequence_id", "parent_id", "position", "position_key", "depth", "child_count", "descendant_count",
        "custom_fields", "created_at", "updated_at",
    ),
    "groups": ("id", "polls_count", "closed_polls_count", "updated_at"),
    "outcomes": ("id", "poll_id", "statement", "author_id", "created_at"),
    "partition_sequences": ("key", "id", "counter"),
    "pg_search_documents": (
        "searchable_type", "searchable_id", "group_id", "discussion_id", "poll_id", "author_id", "content",
        "ts_content", "authored_at", "created_at", "updated_at",
    ),
    "polls": (
        "id", "title", "details", "author_id", "group_id", "discussion_id", "anonymous", "hide_results",
        "quorum_pct", "voters_count", "closing_at", "closed_at", "created_at", "updated_at", "discarded_at",
    ),
    "stance_receipts": (
        "poll_id", "voter_id", "inviter_id", "invited_at", "vote_cast", "created_at", "updated_at",
    ),
    "stances": (
        "id", "poll_id", "participant_id", "inviter_id", "reason", "latest", "cast_at", "revoked_at",
        "created_at", "updated_at",
    ),
    "users": ("id", "name"),
    "versions": ("id", "item_type", "item_id", "event", "object_changes", "created_at"),
}  # fmt: skip
