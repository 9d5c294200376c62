"""Job classes and kinds: names, aliases, and what an unknown name may have meant."""

import gc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from streams.errors import ConfigError, UnknownKind
from streams.job import Job, Kinds, Queue, kind_of
from tests.support.builders.messages import KINDS, Count, Greet


@pytest.fixture(scope="module", autouse=True)
def _forget_refused_classes() -> Iterator[None]:
    """Classes are known as long as they live."""
    yield
    gc.collect()


def test_a_kind_is_found_by_its_name_and_by_every_alias() -> None:
    assert KINDS.find("test.greet").job_class is Greet
    assert KINDS.find("GreetWorker").job_class is Greet
    assert KINDS.find("CountService.count_all").job_class is Count


def test_only_names_are_listed_and_in_order() -> None:
    assert list(KINDS) == ["test.count", "test.greet"]
    assert len(KINDS) == 2
    assert KINDS["test.count"].job_class is Count


def test_an_unknown_kind_is_reported_with_a_similar_name() -> None:
    with pytest.raises(UnknownKind) as raised:
        KINDS.find("test.great")

    assert str(raised.value) == "no job kind is called `test.great`: did you mean `test.greet`?"


def test_a_name_unlike_any_other_is_reported_with_where_to_look() -> None:
    with pytest.raises(UnknownKind, match="`treadle kinds` lists the known ones"):
        KINDS.find("quite-something-else")


def test_two_classes_cannot_claim_one_name() -> None:
    other = replace(kind_of(Count), replaces=("GreetWorker",))

    with pytest.raises(
        ConfigError, match=r"two job classes claim the name 'GreetWorker': .*Greet and .*Count"
    ):
        Kinds([kind_of(Greet), other])


def test_a_job_class_needs_a_kind() -> None:
    with pytest.raises(
        ConfigError, match=r'Nameless needs a kind: class Nameless\(Job, kind="shop.nameless"\)'
    ):

        class Nameless(Job):
            pass


def test_a_key_may_only_name_fields() -> None:
    with pytest.raises(ConfigError, match="names fields that the job lacks: poll_id"):

        class Keyed(Job, kind="test.keyed", key="poll:{poll_id}"):
            id: int


def test_a_key_is_filled_from_the_arguments() -> None:
    assert kind_of(Greet).key_of(Greet("Ada")) == "person:Ada"
    assert kind_of(Count).key_of(Count(3)) is None


def test_a_kind_knows_its_queue_and_fields() -> None:
    assert kind_of(Greet).queue is Queue.LOW
    assert kind_of(Count).queue is Queue.DEFAULT
    assert kind_of(Greet).fields == ("name", "times", "polite")


def test_a_job_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Greet("Ada").name = "Bob"
