"""What the commands about dead letters print: rows of a table, one dead letter in full, and how many."""

from __future__ import annotations

from typing import Any

from treadle.cli.visible import visible

_INDENT = "\n" + " " * 14
_LONGEST = 80  # characters of an error message in a table


def how_many(number: int) -> str:
    """1 dead letter; 2,000 dead letters."""
    return f"{number:,} dead letter{'' if number == 1 else 's'}"


def listed(stored: Any) -> dict[str, Any]:
    """A row of the store, as `list` prints it as JSON."""
    return {
        "dead_letter": f"{stored.partition}:{stored.offset}",
        "job": stored.job_id,
        "kind": stored.kind,
        "queue": stored.queue,
        "error": stored.error,
        "message": stored.message,
        "attempt": stored.attempt,
        "redrives": stored.redrives,
        "died_at": stored.died_at.isoformat(timespec="seconds"),
        "state": stored.state,
    }


def for_table(row: dict[str, Any]) -> dict[str, Any]:
    """The same for a table: headings in words, and a long message cut short."""
    headed = {name.replace("_", " "): value for name, value in row.items()}
    if len(message := headed.get("message", "")) > _LONGEST:
        headed["message"] = message[: _LONGEST - 1] + "…"
    return headed


def in_full(story: dict[str, Any]) -> str:
    """Everything about one dead letter, for a terminal; what is empty is left out. Only names begin a line."""
    lines = []
    for name, value in story.items():
        if value in (None, "", [], {}):
            continue
        if isinstance(value, dict):
            text = "".join(_INDENT + visible(f"{key} = {each}") for key, each in value.items())
        elif isinstance(value, list):
            text = "".join(_INDENT + visible(line) for line in value)
        else:
            text = visible(str(value), lines=True).replace("\n", _INDENT)
        lines.append(f"{name.replace('_', ' '):<12}  {text}")
    return "\n".join(lines)
