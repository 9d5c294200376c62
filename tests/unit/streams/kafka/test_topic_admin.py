"""What differs between the planned topics and those in Kafka."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import ConfigError
from streams.kafka.topic_admin import Change, Existing, TopicAdmin, differences
from streams.topics import Topic, Topics
from tests.support.planned import PLANNED


def a_topic(name: str = "jobs.high", partitions: int = 12) -> Topic:
    return Topic(name, partitions, replication=3, min_in_sync=2, max_message=2_000, retention=None)


def a_plan(*topics: Topic) -> Topics:
    return Topics({topic.name: topic for topic in topics})


def as_planned(topic: Topic, brokers: int = 3) -> Existing:
    return Existing(topic.partitions, topic.config(brokers))


def test_nothing_differs_when_all_is_as_planned() -> None:
    topic = a_topic()

    assert differences(a_plan(topic), {topic.name: as_planned(topic)}, brokers=3) == []


def test_a_missing_topic_is_created_with_its_settings() -> None:
    topic = a_topic()

    (change,) = differences(a_plan(topic), {}, brokers=3)

    assert (change.topic, change.what) == ("jobs.high", "create")
    assert (change.partitions, change.replication) == (12, 3)
    assert dict(change.settings) == topic.config(3)


def test_a_small_cluster_gets_as_many_replicas_as_it_has_brokers() -> None:
    (change,) = differences(a_plan(a_topic()), {}, brokers=1)

    assert change.replication == 1
    assert dict(change.settings)["min.insync.replicas"] == "1"
    assert "1 of 3 copies" in change.why


def test_partitions_are_added() -> None:
    topic = a_topic(partitions=12)

    (change,) = differences(a_plan(topic), {topic.name: as_planned(a_topic(partitions=4))}, brokers=3)

    assert (change.what, change.partitions) == ("add partitions", 12)
    assert "order by key breaks once" in change.why


def test_too_many_partitions_are_only_noted() -> None:
    topic = a_topic(partitions=4)

    (change,) = differences(a_plan(topic), {topic.name: as_planned(a_topic(partitions=12))}, brokers=3)

    assert change.what == "note"
    assert "never shrink" in change.why


def test_another_setting_is_set_and_shown_before_and_after() -> None:
    topic = a_topic()
    existing = Existing(12, topic.config(3) | {"retention.ms": "1000", "segment.ms": "5"})

    (change,) = differences(a_plan(topic), {topic.name: existing}, brokers=3)

    assert change == Change("jobs.high", "set", "retention.ms: 1000 → -1", settings=(("retention.ms", "-1"),))


def test_topics_that_are_not_planned_are_left_alone() -> None:
    topic = a_topic()
    existing = {topic.name: as_planned(topic), "another.teams": Existing(1, {})}

    assert differences(a_plan(topic), existing, brokers=3) == []


@given(planned=st.integers(1, 50), there=st.integers(1, 50))
def test_no_topic_ever_shrinks(planned: int, there: int) -> None:
    topic = a_topic(partitions=planned)

    changes = differences(a_plan(topic), {topic.name: as_planned(a_topic(partitions=there))}, brokers=3)

    assert all(change.partitions > there for change in changes if change.what == "add partitions")
    assert all(change.what in ("create", "add partitions", "set", "note") for change in changes)
    assert (changes == []) == (planned == there)


def test_a_kafka_out_of_reach_is_reported_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.kafka.topic_admin._ANSWER", 0.3)

    with pytest.raises(
        ConfigError, match=r"Kafka at 127.0.0.1:1 does not answer: .* Is TREADLE_KAFKA right\?"
    ):
        TopicAdmin({"bootstrap.servers": "127.0.0.1:1"}).plan(PLANNED)
