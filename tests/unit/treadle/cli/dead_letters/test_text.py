"""What the commands about dead letters print of one in full."""

from __future__ import annotations

import pytest

from treadle.cli.dead_letters.text import in_full

TITLE = "\x1b]0;all is well\x07"


def test_a_dead_letter_is_shown_in_lines_of_which_none_can_pretend_to_be_another() -> None:
    lines = in_full(
        {
            "dead_letter": "3:1042",
            "message": f"one\ntwo{TITLE}",
            "backtrace": ["a.py:1 in close\nstate         sent"],
            "value": '{"name":\n"Ada"}',
            "headers": {"x": f"1\nce_id = {TITLE}"},
        }
    ).splitlines()

    assert lines == [
        "dead letter   3:1042",
        "message       one",
        "              two\\x1b]0;all is well\\x07",
        "backtrace     ",
        "              a.py:1 in close\\nstate         sent",
        'value         {"name":',
        '              "Ada"}',
        "headers       ",
        "              x = 1\\nce_id = \\x1b]0;all is well\\x07",
    ]


@pytest.mark.parametrize("value", ['{"name":"\\ud83d"}', '{"a": 1, "a": 2}', "[1.0,1e400]", "no JSON"])
def test_arguments_are_shown_as_they_arrived(value: str) -> None:
    assert in_full({"value": value}) == f"value         {value}"
