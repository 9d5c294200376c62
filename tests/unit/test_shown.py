"""What commands show people: names and texts as they are, and nothing that a terminal would obey."""

from __future__ import annotations

import pytest

from treadle.cli.show import people, show
from treadle.dead.view import told

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


@pytest.mark.parametrize("value", ['{"name":"\\ud83d"}', '{"a": 1, "a": 2}', "[1.0,1e400]", "no JSON"])
def test_arguments_are_told_as_they_came(value: str) -> None:
    assert told({"value": value}) == f"value         {value}"
