"""Publishing events: the actor's reader (step B of Loomio's fan-out), and what is published on `loomio.events`."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, Row

from consumers.loomio.schema import tables
from streams.event import Event
from streams.jobs.events import PublishEvent
from tests.support.builders import (
    LAST_WEEK,
    a_comment,
    a_discussion,
    a_group,
    a_membership,
    a_poll,
    a_reader,
    a_stance,
    a_user,
    an_event,
    an_item,
    every,
    the,
)
from tests.support.performing import NOW, perform, succeed
from treadle import testing
from treadle.testing import Retrying, failure_in, published

READER = ("user_id", "read_ranges_string", "last_read_at", "volume")


def a_comment_in_a_thread(loomio: Engine, user: Row[Any], **columns: Any) -> Row[Any]:
    """Returns the event of that comment, number 3 of its thread."""
    thread = a_discussion(loomio, group_id=1, author_id=user.id)
    comment = a_comment(loomio, discussion_id=thread.id, user_id=user.id)
    return an_item(loomio, comment, "new_comment", **({"user_id": user.id, "sequence_id": 3} | columns))


def test_whoever_writes_a_comment_has_read_it(loomio: Engine) -> None:
    user = a_user(loomio)
    event = a_comment_in_a_thread(loomio, user)
    a_membership(loomio, group_id=1, user_id=user.id, volume=1)

    succeed(PublishEvent(event_id=event.id), loomio)

    assert every(loomio, tables.discussion_readers, *READER) == [(user.id, "3-3", NOW, 1)]
    thread = every(loomio, tables.discussions, "seen_by_count", "members_count", "updated_at")
    assert thread == [(1, 1, NOW)]


def test_what_was_read_before_stays_read(loomio: Engine) -> None:
    user = a_user(loomio)
    event = a_comment_in_a_thread(loomio, user)
    reader = a_reader(
        loomio, discussion_id=event.discussion_id, user_id=user.id, read_ranges_string="1-2", volume=0
    )

    succeed(PublishEvent(event_id=event.id), loomio)

    now = the(loomio, reader, tables.discussion_readers)
    assert (now.read_ranges_string, now.last_read_at, now.volume, now.updated_at) == ("1-3", NOW, 0, NOW)


def test_a_person_who_asked_for_it_follows_each_thread_they_take_part_in(loomio: Engine) -> None:
    event = a_comment_in_a_thread(loomio, a_user(loomio, email_on_participation=True), sequence_id=None)

    succeed(PublishEvent(event_id=event.id), loomio)

    assert every(loomio, tables.discussion_readers, *READER[1:]) == [(None, None, 3)]


def test_an_event_outside_a_thread_and_one_of_another_kind_leave_readers_alone(loomio: Engine) -> None:
    user = a_user(loomio)
    poll = a_poll(loomio)
    outside = an_item(loomio, poll, "poll_created", user_id=user.id)
    other_kind = an_item(loomio, poll, "poll_expired", user_id=user.id, discussion_id=a_discussion(loomio).id)

    for event in (outside, other_kind):
        succeed(PublishEvent(event_id=event.id), loomio)

    assert every(loomio, tables.discussion_readers, "id") == []


def test_whoever_starts_a_thread_is_one_of_its_readers(loomio: Engine) -> None:
    user = a_user(loomio)
    thread = a_discussion(loomio, author_id=user.id)

    succeed(PublishEvent(event_id=every(loomio, tables.events, "id")[0]), loomio)

    assert every(loomio, tables.discussion_readers, "user_id", "discussion_id", "volume") == [
        (user.id, thread.id, 2)
    ]


@pytest.mark.parametrize("known", [True, False])
def test_an_anonymous_vote_is_read_by_the_voter_while_they_are_known_else_by_the_author(
    loomio: Engine, known: bool
) -> None:
    author, voter = a_user(loomio), a_user(loomio)
    thread = a_discussion(loomio, author_id=author.id)
    poll = a_poll(loomio, discussion_id=thread.id, anonymous=True)
    vote = a_stance(loomio, poll_id=poll.id, participant_id=voter.id if known else None)
    event = an_item(loomio, vote, "stance_created", discussion_id=thread.id, sequence_id=1)

    succeed(PublishEvent(event_id=event.id), loomio)

    assert every(loomio, tables.discussion_readers, "user_id") == [voter.id if known else author.id]


def test_two_events_of_one_person_at_the_same_time_are_both_read(loomio: Engine) -> None:
    user = a_user(loomio)
    first = a_comment_in_a_thread(loomio, user, sequence_id=1)
    comment = a_comment(loomio, discussion_id=first.discussion_id, user_id=user.id)
    second = an_item(loomio, comment, "new_comment", user_id=user.id, sequence_id=2)
    ready = Barrier(2)

    def publish(event_id: int) -> None:
        ready.wait(timeout=10)
        succeed(PublishEvent(event_id=event_id), loomio)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(publish, event.id) for event in (first, second)]:
            done.result(timeout=30)

    assert every(loomio, tables.discussion_readers, "read_ranges_string") == ["1-2"]


def test_an_event_is_published_with_the_group_the_thread_and_the_poll_it_belongs_to(loomio: Engine) -> None:
    group = a_group(loomio)
    thread = a_discussion(loomio, group_id=group.id)
    poll = a_poll(loomio, group_id=group.id, discussion_id=thread.id)
    row = an_item(
        loomio, poll, "poll_expired", user_id=7, discussion_id=None, custom_fields={"recipient_user_ids": [1]}
    )

    outcome = perform(PublishEvent(event_id=row.id), loomio)

    assert published(outcome) == [
        Event(
            id=row.id,
            kind="poll_expired",
            eventable_type="Poll",
            eventable_id=poll.id,
            created_at=LAST_WEEK,
            user_id=7,
            group_id=group.id,
            discussion_id=thread.id,
            poll_id=poll.id,
            custom_fields={"recipient_user_ids": [1]},
        )
    ]


def test_an_event_whose_eventable_is_gone_is_published_anyway(loomio: Engine) -> None:
    row = an_event(loomio, kind="comment_edited", eventable_type="Comment", eventable_id=4242)

    outcome = perform(PublishEvent(event_id=row.id), loomio)

    assert [(event.group_id, event.discussion_id, event.poll_id) for event in published(outcome)] == [
        (None, None, None)
    ]


def test_an_event_that_does_not_exist_yet_is_retried(loomio: Engine) -> None:
    outcome = testing.perform(PublishEvent(event_id=4242), loomio, now=NOW)

    assert isinstance(outcome, Retrying)
    assert failure_in(outcome).error == "LookupError"
    assert failure_in(outcome).message.startswith("event 4242 does not exist")
