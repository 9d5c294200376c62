"""Text of others for a terminal: nothing in it that a terminal would obey."""

import re

# C0 and C1, the separators of lines and paragraphs, and what turns the direction of writing around.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_OF_LINES = "\n\t"


def visible(text: str, *, lines: bool = False) -> str:
    r"""The text with its control characters written out, ESC as \x1b; with `lines` its lines and tabs stay.

    Whoever may enqueue a job could else set the title of a terminal, or hide what it shows.
    """
    return _OBEYED.sub(
        lambda found: found[0] if lines and found[0] in _OF_LINES else _written(found[0]), text
    )


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode()
