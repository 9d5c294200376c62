"""What the command says when it is called wrongly, and its exit codes: 2 for the caller, 1 for the rest."""

import sys

import pytest

from streams.errors import ConfigError
from streams.topic_plan import TopicAdmin
from treadle.check import findings
from treadle.cli.main import main
from treadle.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TREADLE_{name.upper()}", raising=False)


def call(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of `treadle` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["treadle", *arguments])
    monkeypatch.setattr("streams.logs.configure", lambda level="info": None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["enqueue", "polls.clos", "{}"], "no job kind is called `polls.clos`: did you mean `polls.close`?"),
        (["enqueue", "polls.close", "{"], "polls.close: the value is not JSON"),
        (["enqueue", "polls.close", "[]"], "polls.close: the array has 0 arguments. It takes: poll_id"),
        (["enqueue", "polls.close", '{"poll_id": "x"}'], "Expected `int`, got `str` - at `$.poll_id`"),
        (["enqueue", "polls.close", "[" * 100_000], "nested too deeply"),
        (["enqueue", "agents.react", f'["{"x" * 1_048_576}", "", {{}}]'], "a job may have 1,048,576"),
        (["enqueue", "polls.close", "[1]", "--queue", "slow"], "'slow' is not one of"),
        (["enqueue", "polls.close", "[1]", "--quick"], "No such option: --quick"),
        (["enqueue"], "Missing argument"),
        (["enqueue", "-", "--in", "5m"], 'for --in: with -, each line says it itself, as "in"'),
        (["enqueue", "-", "--at", "2026-11-24T14:00:00Z"], 'as "at"'),
        (["enqueue", "-", "--queue", "low"], 'as "queue"'),
        (["enqueue", "-", "--key", "poll:1"], 'as "key"'),
        (["enqueue", "-", "[1]"], 'for ARGS: with -, each line says it itself, as "args"'),
        (["dead", "list", ""], "it is empty. Is a variable not set?"),
        (["dead", "list", "--since", "999999d"], "'999999d' is no moment: write 30m, 2h or 7d ago"),
        (["dead", "list", "--until", "noon"], "'noon' is no moment"),
        (["dead", "list", "--text", ""], "for '--text': it is empty. Is a variable not set?"),
        (["dead", "show", ""], "it is empty"),
        (["dead", "retry", "3:1042", ""], "it is empty"),
        (["dead", "retry", "--error", ""], "for '--error': it is empty"),
        (["dead", "edit", "", "[1]"], "it is empty"),
        (["dead", "edit", "3:1042", "--kind", ""], "for '--kind': it is empty"),
        (["dead", "delete", ""], "it is empty"),
        (["dead", "delete", "--kind", "polls.close", "--kind", ""], "for '--kind': it is empty"),
        (["jobs", "cancel", ""], "it is empty"),
        (["jobs", "run-now", ""], "it is empty"),
        (["jobs", "reschedule", "", "--in", "2h"], "it is empty"),
        (["enqueue", "polls.close", '["caf\udce9"]'], "'[\"caf\\xe9\"]' is no utf-8 text"),
        (["dead", "list", "--text", "caf\udce9"], "b'caf\\xe9' is no utf-8 text"),
        (["dead", "delete", "caf\udce9"], "b'caf\\xe9' is no utf-8 text"),
        (["dead", "edit", "3:1042", "[1]", "--why", "caf\udce9"], "b'caf\\xe9' is no utf-8 text"),
        (["jobs", "cancel", "caf\udce9"], "b'caf\\xe9' is no utf-8 text"),
        (["perform", "polls.clos"], "did you mean `polls.close`?"),
        (["perform", "polls.close", "[1]", "--now", "2025-12-08T18:07:00"], "2025-12-08T18:07:00Z is UTC"),
        (["perform", "polls.close", "[1]", "--now", "noon"], "write a time as 2025-12-08T18:07:00Z"),
        (["run", "consumer", "--slots", "0"], "Invalid value for '--slots'"),
        (["weave"], "No such command 'weave'"),
    ],
)
def test_called_wrongly_it_says_what_was_meant(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = call(*arguments, monkeypatch=monkeypatch)

    shown = capsys.readouterr()
    assert code == 2
    assert told in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["enqueue", "polls.close", "[1]"], "treadle: TREADLE_KAFKA is not set: the brokers, as host:port."),
        (["enqueue", "-"], "treadle: TREADLE_KAFKA is not set"),
        (["topics", "plan"], "treadle: TREADLE_KAFKA is not set"),
        (["run", "all"], "treadle: TREADLE_KAFKA is not set"),
        (["run", "scheduler"], "treadle: TREADLE_DATABASE is not set"),
        (["migrate"], "treadle: TREADLE_DATABASE is not set"),
        (["run", "consumer", "--queues", "slow"], "treadle: --queues slow: write it as critical=10,high=6"),
    ],
)
def test_what_is_not_set_is_told_in_one_line(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = call(*arguments, monkeypatch=monkeypatch)

    shown = capsys.readouterr()
    assert code == 1
    assert shown.err.startswith(told)
    assert shown.err.count("\n") == 1


def test_a_kafka_out_of_reach_is_told_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.topic_plan._ANSWER", 0.3)

    with pytest.raises(
        ConfigError, match=r"Kafka at 127.0.0.1:1 does not answer: .* Is TREADLE_KAFKA right\?"
    ):
        TopicAdmin({"bootstrap.servers": "127.0.0.1:1"}).plan(Settings().planned_topics())


def test_a_check_says_all_that_is_wrong_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.topic_plan._ANSWER", 0.3)
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
