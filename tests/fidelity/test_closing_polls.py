"""Closing polls: Loomio's CloseExpiredPollWorker, and its search for lapsed polls."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, Row, insert

from consumers.loomio.schema import tables
from streams.jobs.events import PublishEvent
from streams.jobs.polls import ClosePoll, FindExpiredPolls
from streams.jobs.search import ReindexPoll
from tests.support.builders import a_discussion, a_group, a_poll, a_stance, a_user, an_item, every, the
from tests.support.performing import NOW, perform, succeed
from treadle import testing
from treadle.testing import Discarded, Outcome, Retrying, Succeeded, enqueued, failure_in

MINUTE = timedelta(minutes=1)
YESTERDAY = NOW - timedelta(days=1)


def a_poll_with_two_voters(loomio: Engine, **columns: Any) -> Row[Any]:
    """Ann has not voted, Bob has; there is an old receipt for someone else."""
    ann, bob = a_user(loomio, name="Ann"), a_user(loomio, name="Bob")
    poll = a_poll(loomio, author_id=ann.id, voters_count=2, **columns)
    a_stance(loomio, poll_id=poll.id, participant_id=ann.id, inviter_id=9)
    a_stance(loomio, poll_id=poll.id, participant_id=bob.id, cast_at=YESTERDAY, inviter_id=9)
    with loomio.begin() as db:
        old = {"poll_id": poll.id, "voter_id": 999, "created_at": YESTERDAY, "updated_at": YESTERDAY}
        db.execute(insert(tables.stance_receipts).values(**old))
    return poll


def names_of_voters(loomio: Engine) -> dict[str, bool | None]:
    names = dict(every(loomio, tables.users, "id", "name"))
    return {
        names[voter]: cast for voter, cast in every(loomio, tables.stance_receipts, "voter_id", "vote_cast")
    }


def test_a_poll_in_a_thread_is_closed_with_all_that_goes_with_it(loomio: Engine) -> None:
    group = a_group(loomio, polls_count=1)
    discussion = a_discussion(loomio, group_id=group.id)
    poll = a_poll_with_two_voters(loomio, group_id=group.id, discussion_id=discussion.id)

    outcome = succeed(ClosePoll(poll_id=poll.id), loomio)

    assert names_of_voters(loomio) == {"Ann": False, "Bob": True}
    assert the(loomio, poll, tables.polls).closed_at == NOW
    assert the(loomio, poll, tables.polls).updated_at == NOW
    assert the(loomio, group, tables.groups).closed_polls_count == 1
    assert the(loomio, discussion, tables.discussions).closed_polls_count == 1
    columns = ("item_type", "item_id", "event", "object_changes", "created_at")
    assert every(loomio, tables.versions, *columns) == [
        ("Poll", poll.id, "update", {"closed_at": [None, "2025-12-08T18:07:00.000Z"]}, NOW)
    ]
    event_id = max(every(loomio, tables.events, "id"))
    about = ("id", "kind", "eventable_id", "user_id", "created_at", "discussion_id", "eventable_version_id")
    version = every(loomio, tables.versions, "id")[0]
    expired = (event_id, "poll_expired", poll.id, poll.author_id, NOW, None, version)
    assert expired in every(loomio, tables.events, *about)
    assert enqueued(outcome) == [ReindexPoll(poll_id=poll.id), PublishEvent(event_id=event_id)]


@pytest.mark.parametrize(
    ("quorum_pct", "receipts"),
    [
        (None, {"Ann": None, "Bob": None}),
        (50, {"Ann": False, "Bob": True}),
        (100, {"Ann": False, "Bob": True}),
        (101, {"Ann": None, "Bob": None}),
    ],
)
def test_an_anonymous_poll_forgets_its_voters_and_records_who_voted_only_with_a_quorum(
    loomio: Engine, quorum_pct: int | None, receipts: dict[str, bool | None]
) -> None:
    poll = a_poll_with_two_voters(loomio, anonymous=True, quorum_pct=quorum_pct)
    a_stance(loomio, poll_id=poll.id, participant_id=50, latest=False)
    a_stance(loomio, poll_id=poll.id, participant_id=51, revoked_at=YESTERDAY)

    succeed(ClosePoll(poll_id=poll.id), loomio)

    assert names_of_voters(loomio) == receipts
    assert every(loomio, tables.stances, "participant_id") == [None] * 4


def test_a_second_run_writes_nothing(loomio: Engine) -> None:
    poll = a_poll_with_two_voters(loomio, anonymous=True)
    succeed(ClosePoll(poll_id=poll.id), loomio)
    receipts = every(loomio, tables.stance_receipts, "id", "voter_id", "vote_cast")

    outcome = perform(ClosePoll(poll_id=poll.id), loomio, now=NOW + MINUTE)

    assert outcome == Discarded("already closed")
    assert every(loomio, tables.stance_receipts, "id", "voter_id", "vote_cast") == receipts
    assert the(loomio, poll, tables.polls).closed_at == NOW
    assert len(every(loomio, tables.events, "id")) == 1


def test_a_poll_that_does_not_exist_yet_is_retried(loomio: Engine) -> None:
    outcome = testing.perform(ClosePoll(poll_id=4242), loomio, now=NOW)

    assert isinstance(outcome, Retrying)
    assert failure_in(outcome).error == "LookupError"
    assert failure_in(outcome).message.startswith("poll 4242 does not exist")


def test_a_discarded_poll_that_is_not_due_is_closed_anyway_and_no_longer_found(
    loomio: Engine,
) -> None:
    group = a_group(loomio)
    poll = a_poll(loomio, group_id=group.id, discarded_at=YESTERDAY, closing_at=None)

    succeed(ClosePoll(poll_id=poll.id), loomio)

    assert the(loomio, poll, tables.polls).closed_at == NOW
    counted = the(loomio, group, tables.groups)
    assert (counted.polls_count, counted.closed_polls_count) == (1, 0)
    assert every(loomio, tables.pg_search_documents, "searchable_id") == []


def test_a_group_whose_counts_do_not_change_is_not_touched(loomio: Engine) -> None:
    group = a_group(loomio, polls_count=1, closed_polls_count=1)
    poll = a_poll(loomio, group_id=group.id)

    succeed(ClosePoll(poll_id=poll.id), loomio)

    assert the(loomio, group, tables.groups) == group


def test_a_missing_text_becomes_an_empty_one_as_with_every_save(loomio: Engine) -> None:
    poll = a_poll(loomio, details=None)

    succeed(ClosePoll(poll_id=poll.id), loomio)

    assert the(loomio, poll, tables.polls).details == ""
    assert every(loomio, tables.versions, "object_changes") == [
        {"closed_at": [None, "2025-12-08T18:07:00.000Z"], "details": [None, ""]}
    ]


def test_the_poll_and_its_thread_are_indexed_again(loomio: Engine) -> None:
    ann = a_user(loomio, name="Ann")
    discussion = a_discussion(loomio, title="Compost", description="<p>here</p>", author_id=ann.id)
    poll = a_poll(loomio, title="Apples", discussion_id=discussion.id, author_id=ann.id)

    succeed(ClosePoll(poll_id=poll.id), loomio)

    assert every(loomio, tables.pg_search_documents, "searchable_type", "content") == [
        ("Discussion", "Compost here Ann"),
        ("Poll", "Apples  Ann"),
    ]


def test_votes_hidden_until_closing_appear_in_the_thread_if_they_give_a_reason(loomio: Engine) -> None:
    discussion = a_discussion(loomio)
    poll = a_poll(loomio, discussion_id=discussion.id, hide_results=2)
    an_item(loomio, poll, "poll_created", sequence_id=1)
    for reason in ("<p>why</p>", "<p></p>", "", None):
        vote = a_stance(loomio, poll_id=poll.id, cast_at=YESTERDAY, reason=reason, participant_id=None)
        an_item(loomio, vote, "stance_created")

    succeed(ClosePoll(poll_id=poll.id), loomio)

    columns = ("sequence_id", "kind", "position", "position_key", "depth")
    items = [item for item in every(loomio, tables.events, *columns) if item[0] is not None]
    assert items == [(1, "poll_created", 1, "00001", 1), (2, "stance_created", 1, "00001-00001", 2)]
    assert the(loomio, discussion, tables.discussions).ranges_string == "1-2"


def test_the_thread_is_repaired_even_when_no_vote_was_hidden(loomio: Engine) -> None:
    discussion = a_discussion(loomio)
    poll = a_poll(loomio, discussion_id=discussion.id, hide_results=2)
    item = an_item(loomio, poll, "poll_created", sequence_id=1, position=9, position_key="00009")

    succeed(ClosePoll(poll_id=poll.id), loomio)

    assert the(loomio, item, tables.events).position_key == "00001"


def test_lapsed_polls_are_found_and_no_others(loomio: Engine) -> None:
    lapsed = a_poll(loomio, closing_at=NOW - MINUTE)
    a_poll(loomio, closing_at=NOW + MINUTE)
    a_poll(loomio, closing_at=NOW)
    a_poll(loomio, closing_at=None)
    a_poll(loomio, closing_at=NOW - MINUTE, discarded_at=YESTERDAY)
    a_poll(loomio, closing_at=NOW - MINUTE, closed_at=YESTERDAY)

    outcome = perform(FindExpiredPolls(), loomio)

    assert enqueued(outcome) == [ClosePoll(poll_id=lapsed.id)]


def test_a_full_page_continues_where_it_ended(loomio: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.workers.polls.PAGE", 2)
    closing = [NOW - 3 * MINUTE, NOW - 2 * MINUTE, NOW - 2 * MINUTE, NOW - MINUTE, NOW - 4 * MINUTE]
    made = [a_poll(loomio, closing_at=at) for at in closing]

    pages = [enqueued(perform(FindExpiredPolls(), loomio))]
    while isinstance(pages[-1][-1], FindExpiredPolls):
        pages.append(enqueued(perform(pages[-1][-1], loomio)))

    closed = [job.poll_id for page in pages for job in page if isinstance(job, ClosePoll)]
    assert closed == [made[index].id for index in (4, 0, 1, 2, 3)]
    assert [len(page) for page in pages] == [3, 3, 1]


def test_two_jobs_that_close_one_poll_at_the_same_time_close_it_once(loomio: Engine) -> None:
    poll = a_poll_with_two_voters(loomio, anonymous=True, quorum_pct=50)
    ready = Barrier(2)

    def close() -> Outcome:
        ready.wait(timeout=10)
        return perform(ClosePoll(poll_id=poll.id), loomio)

    with ThreadPoolExecutor(2) as threads:
        outcomes = [threads.submit(close) for _ in range(2)]

    first, second = (outcome.result(timeout=30) for outcome in outcomes)
    assert Discarded("already closed") in (first, second)
    assert {type(first), type(second)} == {Discarded, Succeeded}
    assert every(loomio, tables.events, "kind") == ["poll_expired"]
    assert names_of_voters(loomio) == {"Ann": False, "Bob": True}


def test_polls_of_one_group_that_close_at_the_same_time_are_all_counted(loomio: Engine) -> None:
    group = a_group(loomio)
    discussion = a_discussion(loomio, group_id=group.id)
    where = {"group_id": group.id, "discussion_id": discussion.id}
    made = [a_poll(loomio, **where) for _ in range(8)]
    ready = Barrier(4)

    def close(some: list[Row[Any]]) -> None:
        ready.wait(timeout=10)
        for poll in some:
            succeed(ClosePoll(poll_id=poll.id), loomio)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(close, made[start::4]) for start in range(4)]:
            done.result(timeout=30)

    assert the(loomio, group, tables.groups).closed_polls_count == 8
    assert the(loomio, discussion, tables.discussions).closed_polls_count == 8


def test_a_failure_halfway_leaves_the_poll_as_it_was(loomio: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    poll = a_poll_with_two_voters(loomio, anonymous=True)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the connection is lost")

    monkeypatch.setattr("consumers.loomio.events.record", fail)
    with pytest.raises(RuntimeError):
        perform(ClosePoll(poll_id=poll.id), loomio)

    assert the(loomio, poll, tables.polls).closed_at is None
    assert every(loomio, tables.stance_receipts, "voter_id") == [999]
    assert None not in every(loomio, tables.stances, "participant_id")
