"""What `treadle kinds` shows of a kind."""

import json

import pytest

from treadle.cli.kinds import kinds


@pytest.fixture
def rows(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    monkeypatch.delenv("TREADLE_WORKERS", raising=False)
    kinds(as_json=True)
    return {row["kind"]: row for row in json.loads(capsys.readouterr().out)}


def test_a_kind_is_shown_with_everything_about_it(rows: dict[str, dict[str, str]]) -> None:
    assert rows["threads.repair"] == {
        "kind": "threads.repair",
        "queue": "low",
        "fields": "discussion_id",
        "key": "discussion:{discussion_id}",
        "policy": "no retries",
        "replaces": "RepairThreadWorker",
        "worker": "yes",
    }


def test_kinds_are_in_the_order_of_their_names(rows: dict[str, dict[str, str]]) -> None:
    assert list(rows) == sorted(rows)


def test_a_table_for_people_names_each_kind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TREADLE_WORKERS", raising=False)

    kinds(as_json=False)

    shown = capsys.readouterr().out
    assert "polls.close" in shown
    assert "CloseExpiredPollWorker" in shown
