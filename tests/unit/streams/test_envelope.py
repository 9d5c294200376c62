"""Envelopes and ids: the same cause twice is the same job."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from streams.envelope import children, id_from, seal
from streams.job import Job, Queue
from tests.support.builders.messages import NOW, Count, Greet

WORDS = st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8")), min_size=1)
JOBS = st.lists(st.builds(Greet, st.sampled_from(["Ada", "Bob"])) | st.builds(Count, st.integers(0, 2)))


def ids(jobs: list[Job], *, of: str, source: str = "/test", now: datetime = NOW) -> list[str]:
    return [child.id for child, _ in children(jobs, of=of, source=source, now=now)]


@given(one=WORDS, other=WORDS)
def test_the_same_cause_has_the_same_id_and_another_another(one: list[str], other: list[str]) -> None:
    assert id_from(*one) == id_from(*one)
    assert (id_from(*one) == id_from(*other)) == (one == other)


def test_an_id_made_from_a_cause_never_changes() -> None:
    assert id_from("loomio.events", "31", "tell_chatbots") == "7eef0ef1-8119-54ab-9f5c-157795481f98"


@given(jobs=JOBS)
def test_a_second_run_of_a_cause_gives_the_same_ids_and_no_two_are_alike(jobs: list[Job]) -> None:
    first = ids(jobs, of="cause")
    second = ids(jobs, of="cause", source="/x", now=NOW + timedelta(days=1))

    assert first == second
    assert len(set(first)) == len(jobs)


def test_an_id_does_not_depend_on_the_order_in_which_different_children_are_named() -> None:
    one = ids([Greet("Ada"), Count(1)], of="cause")
    other = ids([Count(1), Greet("Ada")], of="cause")

    assert set(one) == set(other)


def test_two_identical_children_differ() -> None:
    (first, _), (second, _) = children([Greet("Ada"), Greet("Ada")], of="cause", source="/test", now=NOW)

    assert first.job == second.job
    assert first.id != second.id


def test_children_of_two_causes_differ() -> None:
    assert ids([Greet("Ada")], of="cause") != ids([Greet("Ada")], of="another")


def test_children_are_given_with_their_arguments_encoded_and_their_due_moments() -> None:
    due = NOW + timedelta(hours=1)

    (ada, encoded), (count, _) = children(
        [Greet("Ada"), Count(1)], of="cause", source="/test", now=NOW, dues=[due]
    )

    assert encoded == b'{"name":"Ada"}'
    assert (ada.due, count.due) == (due, None)


def test_a_job_without_a_cause_gets_a_fresh_id() -> None:
    assert seal(Greet("Ada"), source="/test").id != seal(Greet("Ada"), source="/test").id


def test_an_envelope_takes_queue_and_key_of_the_kind_unless_others_are_given() -> None:
    plain = seal(Greet("Ada"), source="/test")
    moved = seal(Greet("Ada"), source="/test", queue=Queue.HIGH, key="room:1")

    assert (plain.queue, plain.key) == (Queue.LOW, "person:Ada")
    assert (moved.queue, moved.key) == (Queue.HIGH, "room:1")
