"""The search index: Loomio's SearchService, in all five forms."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, Row, delete, insert, update

from consumers.loomio.schema import tables
from streams.job import Job
from streams.jobs.polls import ClosePoll
from streams.jobs.search import (
    ReindexAuthor,
    ReindexComment,
    ReindexDiscussion,
    ReindexEverything,
    ReindexPoll,
)
from tests.support.builders import (
    LAST_WEEK,
    a_comment,
    a_discussion,
    a_poll,
    a_stance,
    a_user,
    an_item,
    an_outcome,
    every,
)
from tests.support.performing import NOW, succeed


def found(loomio: Engine) -> list[Any]:
    return every(loomio, tables.pg_search_documents, "searchable_type", "content")


def a_poll_with_votes(loomio: Engine, **columns: Any) -> Row[Any]:
    ann, bob, cy = (a_user(loomio, name=name) for name in ("Ann", "Bob", "Cy"))
    poll = a_poll(loomio, title="P", details="<p>x</p>", author_id=ann.id, **columns)
    a_stance(loomio, poll_id=poll.id, participant_id=bob.id, reason="<p>why</p>", cast_at=NOW)
    a_stance(loomio, poll_id=poll.id, participant_id=cy.id)
    return poll


def test_a_poll_and_its_cast_votes_are_found(loomio: Engine) -> None:
    poll = a_poll_with_votes(loomio)

    succeed(ReindexPoll(poll_id=poll.id), loomio)

    assert found(loomio) == [("Poll", "P x Ann"), ("Stance", "why Bob")]
    assert every(loomio, tables.pg_search_documents, "authored_at") == [LAST_WEEK, NOW]


@pytest.mark.parametrize("secret", [{"anonymous": True}, {"hide_results": 2}])
def test_votes_that_are_still_secret_are_not_found(loomio: Engine, secret: dict[str, Any]) -> None:
    poll = a_poll_with_votes(loomio)
    succeed(ReindexPoll(poll_id=poll.id), loomio)
    with loomio.begin() as db:
        db.execute(update(tables.polls).values(**secret))

    succeed(ReindexPoll(poll_id=poll.id), loomio)

    assert found(loomio) == [("Poll", "P x Ann")]


def test_secret_votes_are_found_once_the_poll_has_closed(loomio: Engine) -> None:
    poll = a_poll_with_votes(loomio, anonymous=True, hide_results=2, closed_at=NOW)

    succeed(ReindexPoll(poll_id=poll.id), loomio)

    assert ("Stance", "why Bob") in found(loomio)


def test_nothing_of_a_discarded_poll_is_found(loomio: Engine) -> None:
    poll = a_poll_with_votes(loomio, discarded_at=NOW)
    an_outcome(loomio, poll_id=poll.id)

    succeed(ReindexPoll(poll_id=poll.id), loomio)

    assert found(loomio) == []


def a_thread(loomio: Engine) -> tuple[Row[Any], Row[Any]]:
    """A thread of Ann's with a comment, and a poll with outcome; and that comment."""
    ann = a_user(loomio, name="Ann")
    thread = a_discussion(loomio, title="T", description=None, author_id=ann.id)
    comment = a_comment(loomio, discussion_id=thread.id, body="<b>c</b>", user_id=ann.id)
    an_item(loomio, comment, "new_comment", sequence_id=1)
    a_comment(loomio, discussion_id=thread.id, body="no item", user_id=ann.id)
    poll = a_poll(loomio, title="P", discussion_id=thread.id, author_id=ann.id)
    an_outcome(loomio, poll_id=poll.id, statement="o", author_id=ann.id)
    return thread, comment


IN_THREAD = [("Comment", "c Ann"), ("Discussion", "T Ann"), ("Outcome", "o Ann"), ("Poll", "P  Ann")]
ALL = sorted([*IN_THREAD, ("Comment", "no item Ann")])


@pytest.mark.parametrize(
    ("job_about", "expected"),
    [
        (lambda thread, comment: ReindexDiscussion(discussion_id=thread.id), IN_THREAD),
        (lambda thread, comment: ReindexAuthor(author_id=thread.author_id), ALL),
        (lambda thread, comment: ReindexComment(comment_id=comment.id), [("Comment", "c Ann")]),
        (lambda thread, comment: ReindexEverything(), ALL),
    ],
    ids=["discussion", "author", "comment", "everything"],
)
def test_each_form_indexes_its_own_and_a_second_run_changes_nothing(
    loomio: Engine, job_about: Callable[[Row[Any], Row[Any]], Job], expected: list[Any]
) -> None:
    job = job_about(*a_thread(loomio))

    succeed(job, loomio)
    assert found(loomio) == expected
    succeed(job, loomio)

    assert found(loomio) == expected


def test_rows_of_what_is_gone_are_removed(loomio: Engine) -> None:
    thread, _ = a_thread(loomio)
    succeed(ReindexEverything(), loomio)
    with loomio.begin() as db:
        db.execute(update(tables.discussions).values(discarded_at=NOW))
        db.execute(delete(tables.polls))

    succeed(ReindexDiscussion(discussion_id=thread.id), loomio)

    assert every(loomio, tables.pg_search_documents, "content") == []


def test_rows_of_other_records_are_left_alone(loomio: Engine) -> None:
    other = {"searchable_type": "Poll", "searchable_id": 7, "poll_id": 7, "content": "other"}
    with loomio.begin() as db:
        times = {"created_at": LAST_WEEK, "updated_at": LAST_WEEK}
        db.execute(insert(tables.pg_search_documents).values(**other, **times))

    succeed(ReindexPoll(poll_id=8), loomio)

    assert found(loomio) == [("Poll", "other")]


def test_rows_that_several_jobs_write_at_the_same_time_exist_once(loomio: Engine) -> None:
    thread, _ = a_thread(loomio)
    poll_id = every(loomio, tables.polls, "id")[0]
    jobs: list[Job] = [
        ReindexDiscussion(discussion_id=thread.id),
        ReindexPoll(poll_id=poll_id),
        ReindexAuthor(author_id=thread.author_id),
        ClosePoll(poll_id=poll_id),
    ]
    ready = Barrier(len(jobs))

    def run(job: Job) -> None:
        ready.wait(timeout=10)
        succeed(job, loomio)

    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(run, job) for job in jobs]:
            done.result(timeout=30)

    assert found(loomio) in (ALL, IN_THREAD)  # the comment that is not an item: the last writer decides
