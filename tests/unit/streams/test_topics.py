"""`topics.yaml`: what is read from it, and how what is wrong with it is reported."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from streams.errors import ConfigError
from streams.job import Queue
from streams.topics import NEEDED, Topics, load_topics, queue_of, topic_of

OURS = Path(__file__).parents[3] / "topics.yaml"
DEFAULTS = "defaults: {partitions: 3, replication: 1, min_in_sync: 1, retention: P14D, max_message: 1000}\n"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a topics.yaml with all that is needed, and these lines of topics besides."""

    def write(lines: str) -> Path:
        needed = "".join(f"  {name}: {{}}\n" for name in NEEDED if f"  {name}:" not in lines)
        if "  retry.1s:" not in lines:
            needed += "  retry.1s: {delay: PT1S, partitions: 4}\n"
        path = tmp_path / "topics.yaml"
        path.write_text(f"{DEFAULTS}topics:\n{needed}{lines}\n")
        return path

    return write


def test_the_file_that_comes_with_treadle_has_everything() -> None:
    topics = load_topics(OURS)

    assert set(NEEDED) <= set(topics.by_name)
    assert topics.weights == {
        Queue.CRITICAL: 10,
        Queue.HIGH: 6,
        Queue.DEFAULT: 3,
        Queue.LOW: 1,
        Queue.MAILERS: 1,
    }
    assert [topic.delay for topic in topics.by_name.values() if topic.delay] == [
        *(timedelta(seconds=seconds) for seconds in (1, 5, 15)),
        *(timedelta(minutes=minutes) for minutes in (1, 5, 15)),
        *(timedelta(hours=hours) for hours in (1, 4, 12, 48)),
    ]


def test_the_package_carries_the_same_file() -> None:
    packaged = OURS.parent / "treadle" / "topics.yaml"

    assert packaged.read_bytes() == OURS.read_bytes()


def test_no_waiting_job_is_deleted_by_age() -> None:
    topics = load_topics(OURS)

    for name, tier in topics.tiers.by_topic.items():
        longest = timedelta(milliseconds=tier.delay * tier.multiples)
        assert (topics.by_name[name].retention or timedelta.max) > longest + timedelta(days=7)


def test_the_wait_in_a_tier_counts_from_the_moment_the_broker_has_the_message() -> None:
    topics = load_topics(OURS)

    assert {topics.by_name[name].config(1)["message.timestamp.type"] for name in topics.tiers.by_topic} == {
        "LogAppendTime"
    }


def test_every_queue_has_its_topic() -> None:
    assert {queue_of(topic_of(queue)) for queue in Queue} == set(Queue)
    assert queue_of("jobs.dead") is None


def test_a_topic_takes_what_it_does_not_say_from_the_defaults(write: Write) -> None:
    topics = load_topics(write("  shop.orders: {partitions: 5, retention: null, compact: true}"))

    orders = topics.by_name["shop.orders"]
    assert (orders.partitions, orders.replication) == (5, 1)
    assert orders.config(1) == {
        "cleanup.policy": "compact",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "max.message.bytes": "1000",
        "min.insync.replicas": "1",
    }


def test_fewer_copies_ask_for_fewer_in_sync() -> None:
    topic = load_topics(OURS).by_name["jobs.high"]

    assert topic.config(3)["min.insync.replicas"] == "2"
    assert topic.config(1)["min.insync.replicas"] == "1"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("  shop.orders: {partitions: many}", r"topic shop.orders: Expected `int`.* `\$.partitions`"),
        ("  shop.orders: {partition: 3}", "topic shop.orders: Object contains unknown field `partition`"),
        ("  shop.orders: {retention: 14 days}", r"topic shop.orders: Invalid .*duration.*`\$.retention`"),
        ("  shop.orders: {queue: slow}", r"topic shop.orders: Invalid enum value 'slow' - at `\$.queue`"),
        (
            "  shop.orders: {partitions: 0}",
            "topic shop.orders: partitions, replication and weight must be at least 1",
        ),
        (
            "  shop.orders: {weight: 0}",
            "topic shop.orders: partitions, replication and weight must be at least 1",
        ),
        ("  shop.orders: {queue: high}", "topic shop.orders: the topic of queue high is jobs.high"),
        ("  retry.7s: {delay: PT7S}", "topic retry.1s: its partitions wait 1 to 6 times its delay"),
        ("  retry.1500: {delay: PT1.5S}", "topic retry.1s: the delay of a tier must divide that of the next"),
        ("  retry.5s: {delay: PT5S, partitions: 4}\n  retry.1s: {partitions: 4}", "PT1S is missing"),
        ("  shop.orders: 3", r"Expected `object`, got `int` - at `\$.topics"),
        ("topic: {}", "unknown field `topic`"),
        ("  - [", "topics.yaml"),
    ],
)
def test_what_is_wrong_is_reported_with_file_topic_and_field(write: Write, lines: str, message: str) -> None:
    path = write(lines)

    with pytest.raises(ConfigError, match=message) as error:
        load_topics(path)

    assert str(error.value).startswith(str(path))


def test_a_topic_that_lacks_what_has_no_default_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text("topics: {jobs.high: {partitions: 3}}")

    with pytest.raises(ConfigError, match=r"topic jobs\.high: Object missing required field `replication`"):
        load_topics(path)


def test_a_file_that_lacks_topics_is_reported_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(f"{DEFAULTS}topics: {{jobs.high: {{}}, jobs.dead: {{}}}}")

    with pytest.raises(
        ConfigError, match=r"lacks topics that Treadle needs: jobs.critical, jobs.default, jobs.low"
    ):
        load_topics(path)


def test_a_file_that_does_not_exist_is_reported_with_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such file.*set TREADLE_TOPICS"):
        load_topics(tmp_path / "topics.yaml")


def test_without_topics_there_are_no_weights() -> None:
    assert Topics({}).weights == {}
