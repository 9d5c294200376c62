"""Repairing threads: Loomio's RepairThreadWorker, and where ours differs on purpose."""

from typing import Any

import pytest
from sqlalchemy import Engine, Row, delete, insert, text

from consumers.loomio.schema import tables
from consumers.loomio.threads import repairing
from streams.jobs.threads import RepairThread
from tests.fidelity.conftest import Copy, engine_of
from tests.fidelity.golden_cases import case_of
from tests.support.builders import (
    LAST_WEEK,
    a_comment,
    a_discussion,
    a_poll,
    a_reader,
    a_stance,
    an_event,
    an_item,
    an_outcome,
    every,
    the,
)
from tests.support.performing import NOW, perform, succeed
from treadle.testing import Succeeded

ITEM = ("sequence_id", "kind", "depth", "position", "position_key")


def items_of(loomio: Engine, *columns: str) -> list[Any]:
    found = every(loomio, tables.events, "discussion_id", *columns)
    return [item[1:] for item in found if item[0] is not None]


def a_broken_thread(loomio: Engine) -> Row[Any]:
    """A comment, its answer without number, a poll, a vote, an outcome: both comments in position 9."""
    thread = a_discussion(loomio)
    comment = a_comment(loomio, discussion_id=thread.id)
    answer = a_comment(loomio, discussion_id=thread.id, parent_type="Comment", parent_id=comment.id)
    poll = a_poll(loomio, discussion_id=thread.id)
    vote = a_stance(loomio, poll_id=poll.id)
    outcome = an_outcome(loomio, poll_id=poll.id)
    an_item(loomio, comment, "new_comment", sequence_id=1, position=9, position_key="00009")
    an_item(loomio, answer, "new_comment", sequence_id=None, position=9, position_key="00009")
    an_item(loomio, poll, "poll_created", sequence_id=3)
    an_item(loomio, vote, "stance_created", discussion_id=thread.id, sequence_id=4)
    an_item(loomio, outcome, "outcome_created", discussion_id=thread.id, sequence_id=5)
    return thread


def test_items_get_numbers_parents_and_positions_and_readers_lose_what_is_gone(loomio: Engine) -> None:
    thread = a_broken_thread(loomio)
    for read in ("1-9", "1-2"):
        a_reader(loomio, discussion_id=thread.id, read_ranges_string=read)
    with loomio.begin() as db:
        for event_id in every(loomio, tables.events, "id"):
            db.execute(insert(tables.partition_sequences).values(key="events_position", id=event_id))

    succeed(RepairThread(discussion_id=thread.id), loomio)

    assert items_of(loomio, *ITEM) == [
        (1, "new_comment", 1, 1, "00001"),
        (3, "poll_created", 1, 2, "00002"),
        (4, "stance_created", 2, 1, "00002-00001"),
        (5, "outcome_created", 2, 2, "00002-00002"),
        (6, "new_comment", 2, 1, "00001-00001"),
    ]
    discussion = the(loomio, thread, tables.discussions)
    assert (discussion.ranges_string, discussion.items_count) == ("1-1,3-6", 5)
    assert discussion.updated_at == LAST_WEEK
    assert every(loomio, tables.discussion_readers, "read_ranges_string") == ["1-1", "1-1,3-6"]
    counters = every(loomio, tables.partition_sequences, "key", "id", "counter")
    assert ("discussions_sequence_id", thread.id, 6) in counters
    parents = set(every(loomio, tables.events, "parent_id"))
    assert not {id_ for key, id_, _ in counters if key == "events_position"} & parents


def test_a_second_run_changes_nothing(loomio: Engine) -> None:
    thread = a_broken_thread(loomio)
    succeed(RepairThread(discussion_id=thread.id), loomio)
    columns = tables.events.c.keys()
    before = every(loomio, tables.events, *columns), the(loomio, thread, tables.discussions)

    succeed(RepairThread(discussion_id=thread.id), loomio)

    assert (every(loomio, tables.events, *columns), the(loomio, thread, tables.discussions)) == before


def test_children_and_descendants_are_counted(loomio: Engine) -> None:
    thread = a_broken_thread(loomio)

    succeed(RepairThread(discussion_id=thread.id), loomio)

    counts = every(loomio, tables.events, "kind", "child_count", "descendant_count")
    assert ("new_discussion", 2, 5) in counts
    assert ("poll_created", 2, 2) in counts
    assert {("new_comment", 1, 1), ("new_comment", 0, 0)} < set(counts)


def test_a_thread_without_its_creation_event_gets_one(loomio: Engine) -> None:
    thread = a_discussion(loomio, created_event=False, author_id=7)

    succeed(RepairThread(discussion_id=thread.id), loomio)

    columns = ("kind", "eventable_id", "user_id", "created_at", "sequence_id", "discussion_id")
    assert every(loomio, tables.events, *columns) == [("new_discussion", thread.id, 7, LAST_WEEK, None, None)]


def test_a_discussion_that_is_gone_needs_no_repair(loomio: Engine) -> None:
    outcome = perform(RepairThread(discussion_id=4242), loomio)

    assert outcome == Succeeded()


def test_items_go_no_deeper_than_the_discussion_allows(loomio: Engine) -> None:
    thread = a_discussion(loomio, max_depth=2)
    answered = {"parent_type": "Discussion", "parent_id": thread.id}
    for sequence_id in (1, 2, 3):
        comment = a_comment(loomio, discussion_id=thread.id, **answered)
        an_item(loomio, comment, "new_comment", sequence_id=sequence_id)
        answered = {"parent_type": "Comment", "parent_id": comment.id}

    succeed(RepairThread(discussion_id=thread.id), loomio)

    assert items_of(loomio, "sequence_id", "depth", "position_key") == [
        (1, 1, "00001"),
        (2, 2, "00001-00001"),
        (3, 2, "00001-00002"),
    ]


def test_a_comment_whose_parent_is_gone_answers_the_discussion(loomio: Engine) -> None:
    thread = a_discussion(loomio)
    comment = a_comment(loomio, discussion_id=thread.id, parent_type="Comment", parent_id=4242)
    an_item(loomio, comment, "new_comment", sequence_id=1)

    succeed(RepairThread(discussion_id=thread.id), loomio)

    now = the(loomio, comment, tables.comments)
    assert (now.parent_type, now.parent_id, now.updated_at) == ("Discussion", thread.id, NOW)
    assert items_of(loomio, "depth", "position_key") == [(1, "00001")]


def test_an_answer_to_a_vote_is_placed_under_any_item_of_that_vote(loomio: Engine) -> None:
    thread = a_discussion(loomio, max_depth=3)
    poll = a_poll(loomio, discussion_id=thread.id)
    vote = a_stance(loomio, poll_id=poll.id)
    answer = a_comment(loomio, discussion_id=thread.id, parent_type="Stance", parent_id=vote.id)
    an_item(loomio, poll, "poll_created", sequence_id=1)
    an_item(loomio, vote, "stance_created")  # not in the thread
    an_item(loomio, vote, "stance_updated", discussion_id=thread.id, sequence_id=2)
    an_item(loomio, answer, "new_comment", sequence_id=3)

    succeed(RepairThread(discussion_id=thread.id), loomio)

    assert items_of(loomio, "sequence_id", "position_key") == [
        (1, "00001"),
        (2, "00001-00001"),
        (3, "00001-00001-00001"),
    ]


def test_an_item_of_a_kind_that_belongs_to_nothing_stands_alone(loomio: Engine) -> None:
    thread = a_discussion(loomio)
    item = an_event(
        loomio,
        kind="user_joined_group",
        eventable_type="Membership",
        eventable_id=1,
        discussion_id=thread.id,
        sequence_id=1,
        position=3,
        position_key="00003",
    )

    succeed(RepairThread(discussion_id=thread.id), loomio)

    alone = the(loomio, item, tables.events)
    assert (alone.parent_id, alone.depth, alone.position, alone.position_key) == (None, 0, 0, None)


def test_parents_come_before_their_children_even_when_their_numbers_say_otherwise(loomio: Engine) -> None:
    """Ours. Loomio gives the answer's answer a wrong depth and a key without prefix here."""
    thread = a_discussion(loomio, max_depth=3)
    comment = a_comment(loomio, discussion_id=thread.id)
    answer = a_comment(loomio, discussion_id=thread.id, parent_type="Comment", parent_id=comment.id)
    deep = a_comment(loomio, discussion_id=thread.id, parent_type="Comment", parent_id=answer.id)
    an_item(loomio, comment, "new_comment", sequence_id=None)
    an_item(loomio, answer, "new_comment", sequence_id=1)
    an_item(loomio, deep, "new_comment", sequence_id=2)

    succeed(RepairThread(discussion_id=thread.id), loomio)

    assert items_of(loomio, "sequence_id", "depth", "position_key") == [
        (1, 2, "00001-00001"),
        (2, 3, "00001-00001-00001"),
        (3, 1, "00001"),
    ]


def test_a_broken_item_is_left_out_and_reported_and_the_rest_is_repaired(copy_of: Copy) -> None:
    """Ours. Loomio stops here, with every position of the thread at 0 (golden case w27_eventable_gone)."""
    case, loomio = case_of("w27_eventable_gone"), engine_of(copy_of("golden"))
    with loomio.begin() as db:
        for statement in case["setup"]:
            db.execute(text(statement))

    with loomio.begin() as db:
        broken = repairing.repair(db, 6, at=NOW)

    assert broken == {57}
    columns = ("discussion_id", "id", "depth", "position", "position_key")
    assert [item[1:] for item in every(loomio, tables.events, *columns) if item[0] == 6] == [
        (54, 1, 1, "00001"),
        (55, 2, 1, "00001-00001"),
        (56, 3, 1, "00001-00001-00001"),
        (57, 0, 0, None),
    ]


def test_a_broken_item_without_a_number_gets_none(loomio: Engine) -> None:
    thread = a_discussion(loomio)
    comment = a_comment(loomio, discussion_id=thread.id)
    item = an_item(loomio, comment, "new_comment", sequence_id=None)
    with loomio.begin() as db:
        db.execute(delete(tables.comments))

    succeed(RepairThread(discussion_id=thread.id), loomio)

    assert the(loomio, item, tables.events).sequence_id is None
    assert the(loomio, thread, tables.discussions).ranges_string == ""


def test_the_last_activity_is_the_newest_kept_record(loomio: Engine) -> None:
    thread = a_discussion(loomio)
    a_comment(loomio, discussion_id=thread.id, created_at=NOW, discarded_at=NOW)
    a_comment(loomio, discussion_id=thread.id, created_at=LAST_WEEK.replace(day=3))
    poll = a_poll(loomio, discussion_id=thread.id, discarded_at=NOW, created_at=NOW)
    an_outcome(loomio, poll_id=poll.id, created_at=LAST_WEEK.replace(day=4))

    succeed(RepairThread(discussion_id=thread.id), loomio)

    assert the(loomio, thread, tables.discussions).last_activity_at == LAST_WEEK.replace(day=4)


@pytest.mark.parametrize(
    ("read", "last", "clipped"),
    [(None, 0, ""), (None, 5, "1-2"), ("", 5, ""), ("2-9", 0, "2-2"), ("1-2", 0, "1-2")],
)
def test_readers_have_read_only_what_exists(
    loomio: Engine, read: str | None, last: int, clipped: str
) -> None:
    thread = a_discussion(loomio)
    for sequence_id in (1, 2):
        comment = a_comment(loomio, discussion_id=thread.id)
        an_item(loomio, comment, "new_comment", sequence_id=sequence_id)
    old = {"read_ranges_string": read, "last_read_sequence_id": last}
    reader = a_reader(loomio, discussion_id=thread.id, **old)

    succeed(RepairThread(discussion_id=thread.id), loomio)

    assert the(loomio, reader, tables.discussion_readers).read_ranges_string == clipped
    assert the(loomio, reader, tables.discussion_readers).updated_at == LAST_WEEK
