"""How commands show what they found: names and texts as they are, without control characters."""

from __future__ import annotations

import json

import pytest

from treadle.cli.show import people, show
from treadle.cli.visible import visible

NAMES = ["[/x]", "[bold]loud", ":100:", "[1, 2]"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_looks_like_markup_is_printed_as_it_is(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    people().print(f"{name} is not a dead letter")

    assert capsys.readouterr().err == f"{name} is not a dead letter\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_that_looks_like_markup_is_shown_as_it_is(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show([{"kind": name, "dead letters": 1}], as_json=False, empty="")

    assert name in capsys.readouterr().out


TITLE = "\x1b]0;all is well\x07"


def test_a_cell_is_one_line_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"kind": TITLE, "message": "one\ntwo"}], as_json=False, empty="")

    assert capsys.readouterr().out.splitlines()[1].split() == ["\\x1b]0;all", "is", "well\\x07", "one\\ntwo"]


def test_json_for_programs_has_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    text = TITLE + "\x9b\x7f\u202e"

    show([{"kind": text}], as_json=True, empty="")

    printed = capsys.readouterr().out
    assert json.loads(printed) == [{"kind": text}]
    assert printed.isascii()
    assert visible(printed, lines=True) == printed
