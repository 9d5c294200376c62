"""The environment as settings, and what is reported when it is wrong."""

import pytest

from streams.errors import ConfigError
from tests.support.planned import PLANNED
from treadle.settings import read_settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA", "DATABASE", "TOPICS", "WORKERS", "LOG_LEVEL"):
        monkeypatch.delenv(f"TREADLE_{name}", raising=False)


def test_without_settings_kafka_and_the_database_are_asked_for() -> None:
    settings = read_settings()

    with pytest.raises(
        ConfigError, match=r"TREADLE_KAFKA is not set\. Set it to the brokers, .*`treadle local up`"
    ):
        settings.kafka_properties()
    with pytest.raises(
        ConfigError, match=r"TREADLE_DATABASE is not set\. Set it to the URL .*`treadle local up`"
    ):
        settings.database_url()


def test_the_topics_shipped_with_treadle_are_planned_unless_others_are_named() -> None:
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


def test_a_wrong_setting_is_reported_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREADLE_LOG_LEVEL", "loud")

    with pytest.raises(ConfigError, match="TREADLE_LOG_LEVEL='loud': String should match pattern"):
        read_settings()
