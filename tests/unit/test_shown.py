"""What commands show people: names and texts as they are, and nothing that a terminal would obey."""

from __future__ import annotations

import json

import pytest

from treadle.cli.main import main
from treadle.cli.show import people, show
from treadle.dead.view import told
from treadle.visible import visible

NAMES = ["[/x]", "[bold]loud", ":100:", "[1, 2]"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_looks_like_markup_is_told_as_it_is(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    people().print(f"{name} is no dead letter")

    assert capsys.readouterr().err == f"{name} is no dead letter\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_that_looks_like_markup_is_shown_as_it_is(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show([{"kind": name, "letters": 1}], as_json=False, empty="")

    assert name in capsys.readouterr().out


TITLE = "\x1b]0;all is well\x07"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada's group: zażółć 👩‍🚀", "Ada's group: zażółć 👩‍🚀"),
        (TITLE, "\\x1b]0;all is well\\x07"),
        ("\x1b[8mhidden", "\\x1b[8mhidden"),
        ("\x9b8mhidden", "\\x9b8mhidden"),
        ("all\rwell", "all\\rwell"),
        ("one\ntwo\tthree", "one\\ntwo\\tthree"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("\u202egnorw\u202c \u2066", "\\u202egnorw\\u202c \\u2066"),
        ("one\u2028two", "one\\u2028two"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_and_tabs_stay_where_they_are_read_as_lines() -> None:
    assert visible("one\n\ttwo\r\n\x1b", lines=True) == "one\n\ttwo\\r\n\\x1b"


def test_a_cell_is_one_line_that_no_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"kind": TITLE, "message": "one\ntwo"}], as_json=False, empty="")

    assert capsys.readouterr().out.splitlines()[1].split() == ["\\x1b]0;all", "is", "well\\x07", "one\\ntwo"]


def test_json_for_programs_has_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    text = TITLE + "\x9b\x7f\u202e"

    show([{"kind": text}], as_json=True, empty="")

    printed = capsys.readouterr().out
    assert json.loads(printed) == [{"kind": text}]
    assert printed.isascii()
    assert visible(printed, lines=True) == printed


def test_a_letter_is_told_in_lines_of_which_none_can_pretend_to_be_another() -> None:
    lines = told(
        {
            "letter": "3:1042",
            "message": f"one\ntwo{TITLE}",
            "backtrace": ["a.py:1 in close\nstate         sent"],
            "value": '{"name":\n"Ada"}',
            "headers": {"x": f"1\nce_id = {TITLE}"},
        }
    ).splitlines()

    assert lines == [
        "letter        3:1042",
        "message       one",
        "              two\\x1b]0;all is well\\x07",
        "backtrace     ",
        "              a.py:1 in close\\nstate         sent",
        'value         {"name":',
        '              "Ada"}',
        "headers       ",
        "              x = 1\\nce_id = \\x1b]0;all is well\\x07",
    ]


def test_an_error_that_names_what_others_wrote_is_told_visibly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["treadle", "perform", f"polls.close{TITLE}"])

    with pytest.raises(SystemExit):
        main()

    assert "polls.close\\x1b]0;all is well\\x07" in capsys.readouterr().err


@pytest.mark.parametrize("value", ['{"name":"\\ud83d"}', '{"a": 1, "a": 2}', "[1.0,1e400]", "no JSON"])
def test_arguments_are_told_as_they_came(value: str) -> None:
    assert told({"value": value}) == f"value         {value}"
