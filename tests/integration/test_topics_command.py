"""`treadle topics`: what differs from topics.yaml is shown, and applied."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.line import Line
from tests.support.planned import ROOT
from tests.support.waiting import wait_until


class Planned:
    """A topics.yaml with one more topic than ours, of a name that no other test uses."""

    def __init__(self, line: Line) -> None:
        self.topic = f"test.{uuid4().hex}"
        self.admin = line.topics.admin
        self._line = line
        self._file = Path(line.folder, "topics.yaml")

    def write(self, fields: str) -> None:
        text = (ROOT / "topics.yaml").read_text()
        self._file.write_text(f"{text}\n  {self.topic}: {fields}\n")

    def plan(self) -> list[dict[str, str]]:
        done = self._line.treadle("topics", "plan", "--json", TOPICS=str(self._file))
        assert done.returncode == 0, done.stderr
        rows: list[dict[str, str]] = json.loads(done.stdout)
        return rows

    def apply(self) -> str:
        done = self._line.treadle("topics", "apply", TOPICS=str(self._file))
        assert done.returncode == 0, done.stderr
        wait_until(lambda: self.partitions, what=self.topic)
        return done.stderr

    @property
    def partitions(self) -> int:
        found = self.admin.list_topics(timeout=10).topics.get(self.topic)
        return len(found.partitions) if found else 0


@pytest.fixture
def planned(line: Line) -> Iterator[Planned]:
    planned = Planned(line)
    yield planned
    if planned.partitions:
        planned.admin.delete_topics([planned.topic])[planned.topic].result()


def test_a_missing_topic_is_created_and_then_nothing_differs(planned: Planned) -> None:
    planned.write("{partitions: 3}")

    before = planned.plan()
    output = planned.apply()

    assert [(row["topic"], row["change"]) for row in before] == [(planned.topic, "create")]
    assert f"create {planned.topic}: 3 partitions, 1 of 3 copies" in output
    assert planned.partitions == 3
    assert planned.plan() == []
    assert "nothing differs" in planned.apply()


def test_partitions_and_settings_follow_the_plan_but_partitions_never_shrink(planned: Planned) -> None:
    planned.write("{partitions: 3}")
    planned.apply()

    planned.write("{partitions: 5, retention: P2D}")
    grown = planned.apply()
    wait_until(lambda: planned.partitions == 5, what="it has 5 partitions")
    planned.write("{partitions: 2, retention: P2D}")
    (note,) = planned.plan()
    shrunk = planned.apply()

    assert f"add partitions {planned.topic}: 3 → 5" in grown
    assert "retention.ms: 1209600000 → 172800000" in grown
    assert (note["change"], note["topic"]) == ("note", planned.topic)
    assert "nothing differs" in shrunk
    assert planned.partitions == 5
