"""The environment as settings, and what is told when it is wrong."""

from pathlib import Path

import pytest

from consumers.membership import Membership, properties
from streams.errors import ConfigError
from streams.job import Queue
from streams.topics import Topics, load_topics
from treadle.catalogue import load_kinds, load_workers
from treadle.processes import choose_queues
from treadle.settings import read_settings

PLANNED = load_topics(Path(__file__).parents[2] / "topics.yaml")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA", "DATABASE", "TOPICS", "WORKERS", "LOG_LEVEL"):
        monkeypatch.delenv(f"TREADLE_{name}", raising=False)


def test_without_settings_kafka_and_database_are_asked_for() -> None:
    settings = read_settings()

    with pytest.raises(ConfigError, match=r"TREADLE_KAFKA is not set: .*`treadle local up`"):
        settings.kafka_properties()
    with pytest.raises(ConfigError, match=r"TREADLE_DATABASE is not set: .*`treadle local up`"):
        settings.database_url()


def test_the_topics_that_come_with_treadle_are_planned_unless_told_otherwise() -> None:
    assert read_settings().planned_topics() == PLANNED


def test_any_property_of_the_client_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREADLE_KAFKA", "one:9092,two:9092")
    monkeypatch.setenv("TREADLE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("TREADLE_KAFKA_SASL_MECHANISMS", "PLAIN")

    assert read_settings().kafka_properties() == {
        "bootstrap.servers": "one:9092,two:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "PLAIN",
    }


def test_a_wrong_setting_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREADLE_LOG_LEVEL", "loud")

    with pytest.raises(ConfigError, match="TREADLE_LOG_LEVEL='loud': String should match pattern"):
        read_settings()


def test_a_name_is_refused_in_a_cooperative_group_and_taken_in_the_others() -> None:
    with pytest.raises(ConfigError, match="TREADLE_STATIC_MEMBER=one needs TREADLE_GROUP=eager or consumer"):
        properties(Membership.COOPERATIVE, "one")

    for membership in (Membership.EAGER, Membership.CONSUMER):
        assert properties(membership, "one")["group.instance.id"] == "one"
    assert "group.instance.id" not in properties(Membership.COOPERATIVE, None)


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("critical=5,high", {Queue.CRITICAL: 5, Queue.HIGH: 6}),
        (" low ", {Queue.LOW: 1}),
        (None, PLANNED.weights),
    ],
)
def test_queues_are_chosen_with_their_shares(text: str | None, weights: dict[Queue, int]) -> None:
    assert choose_queues(text, PLANNED) == weights


@pytest.mark.parametrize("text", ["slow", "high=0", "high=", "high=-1", "high=x", "", "high=²", "high;low"])
def test_a_wrong_choice_of_queues_is_told_with_an_example(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"write it as critical=10,high=6; there are critical, high, default"
    ):
        choose_queues(text, PLANNED)


def test_every_kind_of_ours_has_its_worker() -> None:
    from consumers.worker import declared

    kinds = load_workers("")

    ours = [kind.name for kind in kinds.values() if kind.job_class.__module__.startswith("streams.")]
    assert {"polls.close", "agents.react", "events.publish"} <= set(ours)
    assert [name for name in ours if declared.find(name) is None] == []


def test_a_module_of_the_shop_is_loaded_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("bakery_jobs.py").write_text(
        'from treadle import Job\nclass Bake(Job, kind="bakery.bake"):\n    loaves: int = 1\n'
    )

    kinds = load_kinds(" bakery_jobs , ")

    assert kinds["bakery.bake"].fields == ("loaves",)
    assert "polls.close" in kinds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "TREADLE_WORKERS names nowhere_jobs, which cannot be imported: ModuleNotFoundError"),
        ("1/0", "TREADLE_WORKERS names nowhere_jobs, which cannot be imported: ZeroDivisionError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    if text:
        (tmp_path / "nowhere_jobs.py").write_text(text)

    with pytest.raises(ConfigError, match=told):
        load_kinds("nowhere_jobs")


def test_weights_are_those_of_the_plan() -> None:
    assert Topics({}).weights == {}
