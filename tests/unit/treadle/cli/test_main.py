"""What the command says when it is used wrongly, and its exit codes: 2 for wrong usage, 1 for the rest."""

import sys

import pytest

from treadle.cli.main import main
from treadle.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TREADLE_{name.upper()}", raising=False)


def call(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of `treadle` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["treadle", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "message"),
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
        (["enqueue", "-", "--in", "5m"], 'for --in: with -, give it in each line, as "in"'),
        (["enqueue", "-", "--at", "2026-11-24T14:00:00Z"], 'as "at"'),
        (["enqueue", "-", "--queue", "low"], 'as "queue"'),
        (["enqueue", "-", "--key", "poll:1"], 'as "key"'),
        (["enqueue", "-", "[1]"], 'for ARGS: with -, give it in each line, as "args"'),
        (["dead", "list", ""], "it is empty. Is a variable not set?"),
        (["dead", "list", "--since", "999999d"], "'999999d' is not a time: write 30m, 2h or 7d (ago)"),
        (["dead", "list", "--until", "noon"], "'noon' is not a time"),
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
        (["enqueue", "polls.close", '["caf\udce9"]'], "'[\"caf\\xe9\"]' is not utf-8 text"),
        (["dead", "list", "--text", "caf\udce9"], "b'caf\\xe9' is not utf-8 text"),
        (["dead", "delete", "caf\udce9"], "b'caf\\xe9' is not utf-8 text"),
        (["dead", "edit", "3:1042", "[1]", "--why", "caf\udce9"], "b'caf\\xe9' is not utf-8 text"),
        (["jobs", "cancel", "caf\udce9"], "b'caf\\xe9' is not utf-8 text"),
        (["perform", "polls.clos"], "did you mean `polls.close`?"),
        (
            ["perform", "polls.close", "[1]", "--now", "2025-12-08T18:07:00"],
            "2025-12-08T18:07:00 has no time zone: write 2025-12-08T18:07:00Z",
        ),
        (
            ["perform", "polls.close", "[1]", "--now", "noon"],
            "'noon' is not a time: write 2026-01-31T09:00:00+01:00",
        ),
        (["run", "consumer", "--slots", "0"], "Invalid value for '--slots'"),
        (["weave"], "No such command 'weave'"),
    ],
)
def test_used_wrongly_it_says_what_is_right(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = call(*arguments, monkeypatch=monkeypatch)

    shown = capsys.readouterr()
    assert code == 2
    assert message in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["enqueue", "polls.close", "[1]"],
            "treadle: TREADLE_KAFKA is not set. Set it to the brokers, as host:port.",
        ),
        (["enqueue", "-"], "treadle: TREADLE_KAFKA is not set"),
        (["topics", "plan"], "treadle: TREADLE_KAFKA is not set"),
        (["run", "all"], "treadle: TREADLE_KAFKA is not set"),
        (["run", "scheduler"], "treadle: TREADLE_DATABASE is not set"),
        (["migrate"], "treadle: TREADLE_DATABASE is not set"),
        (["run", "consumer", "--queues", "slow"], "treadle: --queues slow: write it as critical=10,high=6"),
    ],
)
def test_what_is_not_set_is_reported_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = call(*arguments, monkeypatch=monkeypatch)

    shown = capsys.readouterr()
    assert code == 1
    assert shown.err.startswith(message)
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("group", [[], ["run"], ["dead"], ["jobs"], ["topics"], ["local"], ["practice"]])
def test_the_help_of_a_group_cuts_no_summary_short(
    group: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*group, "--help", monkeypatch=monkeypatch) == 0

    _, _, commands = capsys.readouterr().out.partition("Commands:")
    assert commands
    assert "..." not in commands
