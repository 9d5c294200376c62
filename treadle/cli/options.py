"""The options that commands share."""

from __future__ import annotations

import getpass
from typing import Annotated, TypeVar

import typer

from monitor.note import Note

_Given = TypeVar("_Given")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
By = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who does this. Default: your user name on this system.")
]


def not_empty(given: _Given) -> _Given:
    """Refuse an empty name or condition: it comes from a variable that is not set, and would select too much."""
    if "" in (given if isinstance(given, list | tuple) else (given,)):
        raise typer.BadParameter("it is empty. Is a variable not set?")
    return given


def note(by: str | None, why: str) -> Note:
    """Who does it, and why."""
    return Note(by or _user_name(), why)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name
        raise typer.BadParameter(
            "your user has no name on this system: give one", param_hint="--by"
        ) from None
