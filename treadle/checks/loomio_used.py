"""What Treadle uses of Loomio's database: the tables and columns that `treadle check` compares.

A table or column that is not listed may be changed or dropped without a finding.
`tests/unit/treadle/checks/test_loomio_used.py` reads the queries and reports what the list lacks.
"""

from consumers.loomio.schema import metadata

# Rows of these are read whole, so each of their columns must exist.
_WHOLE = (
    "discussion_readers",
    "discussions",
    "events",
    "partition_sequences",
    "pg_search_documents",
    "polls",
    "stance_receipts",
    "users",
)
_IN_PART = {
    "comments": (
        "id", "discussion_id", "body", "user_id", "parent_type", "parent_id", "created_at", "updated_at",
        "discarded_at",
    ),
    "discussion_templates": ("id", "group_id", "discarded_at", "updated_at"),
    "groups": (
        "id", "name", "parent_id", "archived_at", "updated_at", "memberships_count",
        "pending_memberships_count", "admin_memberships_count", "delegates_count", "discussions_count",
        "public_discussions_count", "open_discussions_count", "closed_discussions_count", "polls_count",
        "closed_polls_count", "subgroups_count", "discussion_templates_count", "poll_templates_count",
    ),
    "membership_requests": ("id", "group_id", "created_at", "updated_at"),
    "memberships": (
        "id", "group_id", "user_id", "admin", "delegate", "volume", "token", "accepted_at", "revoked_at",
        "created_at", "updated_at",
    ),
    "outcomes": (
        "id", "poll_id", "statement", "author_id", "custom_fields", "created_at", "updated_at",
    ),
    "poll_templates": ("id", "group_id", "discarded_at", "updated_at"),
    "reactions": ("id", "reactable_type", "reactable_id", "user_id", "created_at", "updated_at"),
    "received_emails": ("id", "group_id", "created_at", "updated_at"),
    "stances": (
        "id", "poll_id", "participant_id", "inviter_id", "reason", "latest", "cast_at", "revoked_at",
        "volume", "token", "created_at", "updated_at",
    ),
    "versions": ("id", "item_type", "item_id", "event", "object_changes", "created_at"),
}  # fmt: skip

USED: dict[str, tuple[str, ...]] = {
    table: tuple(metadata.metadata().tables[table].columns.keys()) for table in _WHOLE
} | _IN_PART
