"""`treadle dead edit`: correct one dead letter, and send it back to its queue."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from streams.headers import ID, text_of
from streams.job import Queue
from treadle.catalogue import load_kinds
from treadle.cli.dead_letters import options
from treadle.cli.options import By, not_empty, note
from treadle.cli.show import people
from treadle.cli.visible import visible
from treadle.settings import read_settings


def edit(
    name: options.Name,
    args: Annotated[
        str | None,
        typer.Argument(metavar="ARGS", help="New arguments as JSON, or - to read them from stdin."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Change the kind.", callback=not_empty)
    ] = None,
    queue: Annotated[Queue | None, typer.Option(help="Change the queue.")] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Change the ordering key.")] = None,
    by: By = None,
    why: options.Why = "",
) -> None:
    """Correct a dead letter and send it back to its queue.

    The corrected job is checked against its kind first. It keeps its id, which is printed.

    treadle dead edit 3:1042 '{"poll_id": 42}' --why "the id was a string"
    """
    from monitor.dead_letters.edit import Changes, edited
    from monitor.dead_letters.redrive import redrive_edited
    from monitor.dead_letters.row import Row
    from monitor.dead_letters.select import newest
    from streams.overrides.feed import overrides_in_force
    from treadle.cli.dead_letters.connection import connect

    settings = read_settings()
    kinds = load_kinds(settings.workers)
    who = note(by, why)
    if (args, kind, queue, key) == (None, None, None, None):
        raise typer.BadParameter(
            "say what to change: new arguments, --kind, --queue or --key", param_hint="ARGS"
        )
    with connect(settings) as connection:
        with connection.database.connect() as db:
            found = newest(db, options.named([name]), 1)
        if not found:
            _not_dead(name)
        row = Row(*found[0][: len(Row._fields)])
        message, changed = edited(row.received(), Changes(_read(args), kind, queue, key), kinds)
        overrides = overrides_in_force(connection.kafka)
        with connection.producer() as producer:
            if not redrive_edited(connection.database, producer, row, message, who, overrides, changed):
                _not_dead(name)
    print(visible(text_of(message.headers, ID)))
    people().print(f"{row.name} was sent to {message.topic}; changed: {', '.join(changed) or 'nothing'}")


def _read(args: str | None) -> bytes | None:
    if args == "-":
        return sys.stdin.buffer.read()
    return None if args is None else args.encode()


def _not_dead(name: str) -> NoReturn:
    people().print(f"treadle: {name} is not dead; `treadle dead show {name}` shows what has become of it")
    sys.exit(1)
