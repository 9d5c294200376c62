"""The options that the commands about dead letters share: which dead letters, and who does it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from monitor.dead_letters.request import Selection
from monitor.dead_letters.row import position_named
from streams.errors import BadMessage
from streams.job import Kinds, Queue
from streams.moments import read_past
from treadle.cli.options import not_empty

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="DEAD_LETTER",
        help="Dead letters (3:1042), or job ids.",
        show_default=False,
        callback=not_empty,
    ),
]
Name = Annotated[
    str,
    typer.Argument(metavar="DEAD_LETTER", help="A dead letter (3:1042), or a job id.", callback=not_empty),
]
Kind = Annotated[
    list[str] | None,
    typer.Option(metavar="KIND", help="Only jobs of this kind. Can be repeated.", callback=not_empty),
]
OfQueue = Annotated[Queue | None, typer.Option(help="Only jobs of this queue.")]
Error = Annotated[
    str | None,
    typer.Option(
        metavar="ERROR", help="Only those with this error, such as LookupError.", callback=not_empty
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="Only those that died since then: 2h (ago), or ISO 8601 with its time zone."
    ),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Only those that died before then.")]
WithText = Annotated[
    str | None,
    typer.Option(
        "--text",
        metavar="TEXT",
        help="Only those with this text in their arguments (case matters) or error message (case does not).",
        callback=not_empty,
    ),
]
All = Annotated[bool, typer.Option("--all", help="Select all dead letters.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count them, by kind and error.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
Why = Annotated[str, typer.Option(metavar="REASON", help="Why; recorded in the audit.")]


def selection(
    kinds: Kinds,
    names: list[str] | None,
    kind: list[str] | None,
    queue: Queue | None,
    error: str | None,
    since: str | None,
    until: str | None,
    text: str | None,
) -> Selection:
    """What the options select. A kind is found under all of its names."""
    return replace(
        named(names or ()),
        kinds=tuple(each for name in kind or () for each in _all_names(kinds, name)),
        queue=queue.value if queue else "",
        error=error or "",
        since=_past(since, "--since"),
        until=_past(until, "--until"),
        text=text or "",
    )


def named(names: Iterable[str]) -> Selection:
    """Dead letters by name: their positions, or the ids of their jobs."""
    positions = {name: position_named(name) for name in names}
    return Selection(
        positions=tuple(position for position in positions.values() if position),
        jobs=tuple(name for name, position in positions.items() if not position),
    )


def refuse_everything(selected: Selection, everything: bool) -> None:
    """Without any condition, a command that changes something needs --all."""
    if selected == Selection() and not everything:
        raise typer.BadParameter(
            "name dead letters, or select them (--kind, --queue, --error, --since, --until, --text); "
            "--all selects all of them",
            param_hint="DEAD_LETTER",
        )


def _past(text: str | None, option: str) -> datetime | None:
    try:
        return None if text is None else read_past(text, datetime.now(UTC))
    except BadMessage as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _all_names(kinds: Kinds, name: str) -> tuple[str, ...]:
    for kind in kinds.values():
        if name == kind.name or name in kind.replaces:
            return (kind.name, *kind.replaces)
    return (name,)
