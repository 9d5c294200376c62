"""`treadle check` finds everything that is wrong in one run."""

import json
from pathlib import Path

from tests.support.line import Line
from tests.support.planned import ROOT
from treadle.migrations.upgrade import migrate


def findings(line: Line, **settings: str) -> dict[str, str]:
    done = line.treadle("check", "--json", **settings)
    found = json.loads(done.stdout)
    assert done.returncode == (1 if found else 0)
    assert all(each["what to do"] for each in found)
    return {each["where"]: each["what"] for each in found}


def test_everything_that_is_wrong_is_found_in_one_run(line: Line) -> None:
    text = (ROOT / "topics.yaml").read_text()
    Path(line.folder, "topics.yaml").write_text(
        text.replace("jobs.low: {queue: low", "jobs.low: {partitions: 13, queue: low")
        + "\n  shop.orders: {}\n"
    )

    found = findings(
        line, TOPICS="topics.yaml", WORKERS="nowhere", DATABASE="postgresql://127.0.0.1:1/x", LOG_LEVEL="loud"
    )

    assert "String should match pattern" in found["TREADLE_LOG_LEVEL"]
    assert "refused" in found["Loomio's database"]
    assert "nowhere" in found["TREADLE_WORKERS"]
    assert found["Kafka, topic shop.orders"] == "is missing"
    assert "has fewer partitions than planned: 12 → 13" in found["Kafka, topic jobs.low"]


def test_each_missing_setting_is_a_finding(line: Line) -> None:
    found = findings(line, KAFKA="")

    assert found == {"TREADLE_KAFKA": "not set", "TREADLE_DATABASE": "not set"}


def test_a_broken_topics_yaml_does_not_hide_the_rest(line: Line) -> None:
    found = findings(line, TOPICS="nowhere.yaml")

    assert "nowhere.yaml cannot be read" in found["topics.yaml"]
    assert found["TREADLE_DATABASE"] == "not set"


def test_the_number_of_findings_is_shown(line: Line, fresh_database: str) -> None:
    migrate(fresh_database)

    done = line.treadle("check", DATABASE=fresh_database)

    assert done.returncode == 1
    assert "none of Loomio's tables is there" in done.stdout
    assert "1 finding" in done.stderr
