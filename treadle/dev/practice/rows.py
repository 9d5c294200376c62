"""The rows of a practice co-op: one class per table, with the columns we fill; the rest take defaults.

Moments are naive and in UTC, JSON is text: exactly as they are written to the database.
"""

import re
from datetime import date, datetime
from typing import NamedTuple, get_args


class User(NamedTuple):
    id: int
    name: str
    email: str
    username: str
    key: str
    avatar_initials: str
    time_zone: str
    selected_locale: str
    unsubscribe_token: str
    email_api_key: str
    secret_token: str
    memberships_count: int
    email_verified: bool
    bot: bool
    deactivated_at: datetime | None
    email_catch_up_day: int | None
    email_on_participation: bool
    created_at: datetime
    updated_at: datetime


class Subscription(NamedTuple):
    id: int
    plan: str
    owner_id: int
    created_at: datetime
    updated_at: datetime


class Group(NamedTuple):
    id: int
    name: str
    full_name: str
    handle: str
    key: str
    description: str
    parent_id: int | None
    creator_id: int
    subscription_id: int | None
    is_visible_to_public: bool
    created_at: datetime
    updated_at: datetime
    memberships_count: int
    pending_memberships_count: int
    admin_memberships_count: int
    delegates_count: int
    subgroups_count: int
    discussions_count: int
    public_discussions_count: int
    open_discussions_count: int
    closed_discussions_count: int
    polls_count: int
    closed_polls_count: int


class Membership(NamedTuple):
    id: int
    group_id: int
    user_id: int
    inviter_id: int | None
    admin: bool
    delegate: bool
    volume: int
    token: str
    accepted_at: datetime | None
    revoked_at: datetime | None
    revoker_id: int | None
    created_at: datetime
    updated_at: datetime


class Discussion(NamedTuple):
    id: int
    group_id: int | None
    author_id: int
    title: str
    description: str
    description_format: str
    key: str
    private: bool
    max_depth: int
    content_locale: str
    items_count: int
    ranges_string: str
    last_activity_at: datetime
    closed_polls_count: int
    anonymous_polls_count: int
    seen_by_count: int
    members_count: int
    versions_count: int
    closed_at: datetime | None
    discarded_at: datetime | None
    discarded_by: int | None
    created_at: datetime
    updated_at: datetime


class DiscussionReader(NamedTuple):
    id: int
    discussion_id: int
    user_id: int
    last_read_at: datetime | None
    read_ranges_string: str
    volume: int
    token: str
    guest: bool
    inviter_id: int | None
    accepted_at: datetime | None
    created_at: datetime
    updated_at: datetime


class Comment(NamedTuple):
    id: int
    discussion_id: int
    user_id: int
    body: str
    body_format: str
    parent_type: str
    parent_id: int
    discarded_at: datetime | None
    discarded_by: int | None
    created_at: datetime
    updated_at: datetime


class Poll(NamedTuple):
    id: int
    poll_type: str
    title: str
    details: str
    details_format: str
    key: str
    author_id: int
    group_id: int | None
    discussion_id: int | None
    closing_at: datetime | None
    closed_at: datetime | None
    anonymous: bool
    hide_results: int
    specified_voters_only: bool
    notify_on_closing_soon: int
    multiple_choice: bool
    min_score: int | None
    max_score: int | None
    minimum_stance_choices: int | None
    maximum_stance_choices: int | None
    dots_per_person: int | None
    agree_target: int | None
    quorum_pct: int | None
    show_none_of_the_above: bool
    poll_option_name_format: str
    custom_fields: str
    content_locale: str
    stance_counts: str
    voters_count: int
    undecided_voters_count: int
    none_of_the_above_count: int
    versions_count: int
    discarded_at: datetime | None
    discarded_by: int | None
    created_at: datetime
    updated_at: datetime


class PollOption(NamedTuple):
    id: int
    poll_id: int
    name: str
    icon: str
    priority: int
    voter_scores: str
    total_score: int
    voter_count: int
    created_at: datetime
    updated_at: datetime


class Stance(NamedTuple):
    id: int
    poll_id: int
    participant_id: int | None
    inviter_id: int
    reason: str | None
    reason_format: str
    latest: bool
    cast_at: datetime | None
    revoked_at: datetime | None
    revoker_id: int | None
    guest: bool
    volume: int
    none_of_the_above: bool
    option_scores: str
    token: str
    created_at: datetime
    updated_at: datetime


class StanceChoice(NamedTuple):
    id: int
    stance_id: int
    poll_option_id: int
    score: int
    created_at: datetime
    updated_at: datetime


class StanceReceipt(NamedTuple):
    id: int
    poll_id: int
    voter_id: int
    inviter_id: int
    invited_at: datetime
    vote_cast: bool | None
    created_at: datetime
    updated_at: datetime


class Outcome(NamedTuple):
    id: int
    poll_id: int
    author_id: int
    statement: str
    statement_format: str
    review_on: date | None
    created_at: datetime
    updated_at: datetime


class Event(NamedTuple):
    id: int
    kind: str
    eventable_type: str
    eventable_id: int
    eventable_version_id: int | None
    user_id: int | None
    discussion_id: int | None
    sequence_id: int | None
    parent_id: int | None
    depth: int
    position: int
    position_key: str | None
    child_count: int
    descendant_count: int
    pinned: bool
    custom_fields: str
    created_at: datetime
    updated_at: datetime


class Version(NamedTuple):
    id: int
    item_type: str
    item_id: int
    event: str
    object_changes: str
    created_at: datetime


class PartitionSequence(NamedTuple):
    key: str
    id: int
    counter: int


Row = (
    User
    | Subscription
    | Group
    | Membership
    | Discussion
    | DiscussionReader
    | Comment
    | Poll
    | PollOption
    | Stance
    | StanceChoice
    | StanceReceipt
    | Outcome
    | Event
    | Version
    | PartitionSequence
)

# Loomio names a table after the plural of its record: DiscussionReader, discussion_readers.
TABLES: dict[type[Row], str] = {
    row: re.sub("(?<=[a-z])(?=[A-Z])", "_", row.__name__).lower() + "s" for row in get_args(Row)
}
