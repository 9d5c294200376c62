"""Makes text from others safe for a terminal: control characters are escaped."""

import re

# C0 and C1, line and paragraph separators, and what changes the direction of text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_OF_LINES = "\n\t"


def visible(text: str, *, lines: bool = False) -> str:
    r"""The text with its control characters escaped, ESC as \x1b; with `lines`, line feeds and tabs stay.

    Otherwise anyone who may enqueue a job could set the title of a terminal, or hide what it shows.
    """
    return _CONTROL.sub(
        lambda found: found[0] if lines and found[0] in _OF_LINES else _escaped(found[0]), text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
