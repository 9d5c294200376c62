"""`treadle check` finds everything that is wrong with the settings, in one run."""

import pytest

from treadle.checks.check import findings
from treadle.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TREADLE_{name.upper()}", raising=False)


def test_a_check_reports_everything_that_is_wrong_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREADLE_LOG_LEVEL", "loud")
    monkeypatch.setenv("TREADLE_WORKERS", "nowhere_at_all")
    monkeypatch.setenv("TREADLE_TOPICS", "nowhere.yaml")
    monkeypatch.setenv("TREADLE_DATABASE", "mysql://somewhere/x")

    found = {finding.where: finding.what for finding in findings()}

    assert set(found) == {
        "TREADLE_LOG_LEVEL",
        "TREADLE_WORKERS",
        "topics.yaml",
        "TREADLE_KAFKA",
        "TREADLE_DATABASE",
    }
    assert "nowhere_at_all" in found["TREADLE_WORKERS"]
    assert "nowhere.yaml cannot be read" in found["topics.yaml"]
    assert found["TREADLE_LOG_LEVEL"] == "'loud': String should match pattern '^(debug|info|warning|error)$'"


def test_each_finding_says_what_to_do() -> None:
    said = [str(finding) for finding in findings()]

    assert len(said) == 2
    assert said[0].startswith("TREADLE_KAFKA: not set. Set it to the brokers, as host:port. ")
    assert said[1].startswith("TREADLE_DATABASE: not set. Set it to the URL of Loomio's database. ")
