"""The options that the commands about dead letters share: which letters, and who does it."""

from __future__ import annotations

import getpass
import re
from typing import Annotated, TypeVar

import typer

from streams.job import Kinds, Queue
from treadle.cli.ago import moment
from treadle.dead.asked import Chosen, Note

_LETTER = re.compile(r"(\d{1,9}):(\d{1,18})")
_Given = TypeVar("_Given")


def not_empty(given: _Given) -> _Given:
    """Refuse an empty name or condition: it comes from a variable that is not set, and would choose too much."""
    if "" in (given if isinstance(given, list | tuple) else (given,)):
        raise typer.BadParameter("it is empty. Is a variable not set?")
    return given


Names = Annotated[
    list[str] | None,
    typer.Argument(help="Letters (3:1042), or ids of jobs.", show_default=False, callback=not_empty),
]
Name = Annotated[str, typer.Argument(help="A letter (3:1042), or a job's id.", callback=not_empty)]
Kind = Annotated[
    list[str] | None, typer.Option(help="Of this kind; may be given several times.", callback=not_empty)
]
OfQueue = Annotated[Queue | None, typer.Option(help="Whose home is this queue.")]
Error = Annotated[str | None, typer.Option(help="With this error: LookupError.", callback=not_empty)]
Since = Annotated[str | None, typer.Option(help="That died since then: 2h (ago), or ISO 8601.")]
Until = Annotated[str | None, typer.Option(help="That died before then.")]
WithText = Annotated[
    str | None,
    typer.Option("--text", help="With this in the arguments or in what the error said.", callback=not_empty),
]
All = Annotated[bool, typer.Option("--all", help="All there are.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how many, and of which kinds.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
By = Annotated[str | None, typer.Option(help="Who does it; else the user of this system.")]
Why = Annotated[str, typer.Option(help="Why; goes into the audit.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def chosen(
    kinds: Kinds,
    names: list[str] | None,
    kind: list[str] | None,
    queue: Queue | None,
    error: str | None,
    since: str | None,
    until: str | None,
    text: str | None,
) -> Chosen:
    """What is meant. A kind is found under all of its names."""
    letters = [match for name in names or () if (match := _LETTER.fullmatch(name))]
    return Chosen(
        kinds=tuple(each for name in kind or () for each in _names(kinds, name)),
        queue=queue.value if queue else "",
        error=error or "",
        since=moment(since, "--since"),
        until=moment(until, "--until"),
        text=text or "",
        places=tuple((int(match[1]), int(match[2])) for match in letters),
        jobs=tuple(name for name in names or () if not _LETTER.fullmatch(name)),
    )


def refuse_everything(choice: Chosen, everything: bool) -> None:
    """Called without any condition, a command that changes things wants to hear --all."""
    if choice == Chosen() and not everything:
        raise typer.BadParameter(
            "name letters or give a filter (--kind, --queue, --error, --since, --until, --text), or --all",
            param_hint="LETTERS",
        )


def note(by: str | None, why: str) -> Note:
    """Who does it, and why."""
    return Note(by or _user(), why)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name
        raise typer.BadParameter("the user of this system has no name: say who", param_hint="--by") from None


def _names(kinds: Kinds, name: str) -> tuple[str, ...]:
    for kind in kinds.values():
        if name == kind.name or name in kind.replaces:
            return (kind.name, *kind.replaces)
    return (name,)
