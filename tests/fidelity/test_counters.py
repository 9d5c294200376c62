"""Counter columns: what Loomio counts for groups, discussions and users."""

from typing import Any

import pytest
from sqlalchemy import Engine, Row

from consumers.loomio.groups import counters
from consumers.loomio.schema import tables
from tests.support.builders import (
    LAST_WEEK,
    a_discussion,
    a_group,
    a_membership,
    a_poll,
    a_reader,
    a_user,
    every,
    the,
)
from tests.support.performing import NOW


@pytest.fixture
def group(loomio: Engine) -> Row[Any]:
    """A group with some of everything that is counted, and of what is not."""
    group = a_group(loomio)
    mine = {"group_id": group.id}
    a_membership(loomio, **mine, admin=True)
    a_membership(loomio, **mine, delegate=True, accepted_at=None)
    a_membership(loomio, **mine, admin=True, revoked_at=NOW)
    a_discussion(loomio, **mine, private=False)
    a_discussion(loomio, **mine, private=True, closed_at=NOW)
    a_discussion(loomio, **mine, private=False, discarded_at=NOW)
    a_poll(loomio, **mine)
    a_poll(loomio, **mine, closed_at=NOW)
    a_poll(loomio, **mine, closed_at=NOW, discarded_at=NOW)
    a_group(loomio, parent_id=group.id)
    a_group(loomio, parent_id=group.id, archived_at=NOW)
    return group


def test_all_counters_of_a_group_are_recounted(loomio: Engine, group: Row[Any]) -> None:
    with loomio.begin() as db:
        counters.recount_group(db, group.id, *counters.GROUP_COUNTS, at=NOW)

    now = the(loomio, group, tables.groups)
    assert {column: now._mapping[column] for column in counters.GROUP_COUNTS} == {
        "memberships_count": 2,
        "pending_memberships_count": 1,
        "admin_memberships_count": 1,
        "delegates_count": 1,
        "discussions_count": 2,
        "public_discussions_count": 1,
        "open_discussions_count": 1,
        "closed_discussions_count": 1,
        "polls_count": 3,
        "closed_polls_count": 1,
        "subgroups_count": 1,
        "discussion_templates_count": 0,
        "poll_templates_count": 0,
    }
    assert now.updated_at == NOW


def test_only_the_named_columns_are_counted(loomio: Engine, group: Row[Any]) -> None:
    with loomio.begin() as db:
        counters.recount_group(db, group.id, "polls_count", at=NOW)

    now = the(loomio, group, tables.groups)
    assert (now.polls_count, now.memberships_count) == (3, 0)


def test_nothing_is_counted_where_there_is_no_group(loomio: Engine) -> None:
    with loomio.begin() as db:
        counters.recount_group(db, None, "polls_count", at=NOW)
        counters.recount_group(db, 4242, "polls_count", at=NOW)

    assert every(loomio, tables.groups, "id") == []


def test_all_counters_of_a_discussion_are_recounted(loomio: Engine) -> None:
    discussion = a_discussion(loomio)
    mine = {"discussion_id": discussion.id}
    a_poll(loomio, **mine, closed_at=NOW)
    a_poll(loomio, **mine, closed_at=NOW, discarded_at=NOW, anonymous=True)
    a_reader(loomio, **mine, last_read_at=NOW)
    a_reader(loomio, **mine, last_read_at=NOW, revoked_at=NOW)

    with loomio.begin() as db:
        counters.recount_discussion(db, discussion.id, *counters.DISCUSSION_COUNTS, at=NOW)

    now = the(loomio, discussion, tables.discussions)
    assert {column: now._mapping[column] for column in counters.DISCUSSION_COUNTS} == {
        "closed_polls_count": 1,
        "anonymous_polls_count": 1,
        "seen_by_count": 2,
        "members_count": 1,
    }


def test_a_discussion_is_indexed_again_even_when_no_counter_changed(loomio: Engine) -> None:
    discussion = a_discussion(loomio, title="Compost", author_id=0)

    with loomio.begin() as db:
        counters.recount_discussion(db, discussion.id, "closed_polls_count", at=NOW)

    assert every(loomio, tables.pg_search_documents, "searchable_id") == [discussion.id]
    assert the(loomio, discussion, tables.discussions).updated_at == LAST_WEEK


def test_a_recount_of_a_user_also_renews_their_initials(loomio: Engine) -> None:
    user = a_user(loomio, name="Ann Bee Cee Dee", avatar_initials="X")
    a_membership(loomio, user_id=user.id)
    a_membership(loomio, user_id=user.id, revoked_at=NOW)

    with loomio.begin() as db:
        counters.recount_user(db, user.id, at=NOW)

    now = the(loomio, user, tables.users)
    assert (now.memberships_count, now.avatar_initials, now.updated_at) == (1, "ABC", NOW)
