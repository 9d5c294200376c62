"""Text from others is safe for a terminal: its control characters are escaped."""

from __future__ import annotations

import pytest

from treadle.cli.main import main
from treadle.cli.visible import visible

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
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_and_tabs_are_kept_where_they_are_read_as_lines() -> None:
    assert visible("one\n\ttwo\r\n\x1b", lines=True) == "one\n\ttwo\\r\n\\x1b"


def test_an_error_that_names_what_others_wrote_is_printed_visibly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["treadle", "perform", f"polls.close{TITLE}"])

    with pytest.raises(SystemExit):
        main()

    assert "polls.close\\x1b]0;all is well\\x07" in capsys.readouterr().err
