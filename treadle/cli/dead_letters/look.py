"""`treadle dead list | show`: look at dead letters, and change nothing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Annotated, Literal

import typer

from treadle.catalogue import load_kinds
from treadle.cli.dead_letters import options, text
from treadle.cli.options import AsJson
from treadle.cli.show import people, show
from treadle.settings import read_settings

State = Literal["dead", "sent", "deleted", "all"]
_MOST_SHOWN = 100  # dead letters of one job


def list_(
    names: options.Names = None,
    kind: options.Kind = None,
    queue: options.OfQueue = None,
    error: options.Error = None,
    since: options.Since = None,
    until: options.Until = None,
    with_text: options.WithText = None,
    state: Annotated[State, typer.Option(help="What has become of them.")] = "dead",
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="List at most this many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List dead letters, newest first."""
    from monitor.dead_letters.select import count, newest
    from treadle.cli.dead_letters.connection import connect

    settings = read_settings()
    kinds = load_kinds(settings.workers)
    selection = options.selection(kinds, names, kind, queue, error, since, until, with_text)
    selection = replace(selection, state="" if state == "all" else state)
    with connect(settings) as connection, connection.database.connect() as db:
        rows = [text.listed(row) for row in newest(db, selection, limit)]
        selected = sum(each.dead_letters for each in count(db, selection))
    if as_json:
        show(rows, as_json=True, empty="")
        return
    show([text.for_table(row) for row in rows], as_json=False, empty="no dead letters")
    if rows:
        people().print(f"{len(rows):,} of {selected:,} dead letters")


def show_(name: options.Name, as_json: AsJson = False) -> None:
    """Show everything about a dead letter.

    This includes headers and arguments as they arrived, the failure, and what was done about it. A job id shows all
    dead letters of that job.
    """
    from monitor.dead_letters.select import newest
    from monitor.dead_letters.story import story
    from treadle.cli.dead_letters.connection import connect

    settings = read_settings()
    selection = replace(options.named([name]), state="")
    with connect(settings) as connection, connection.database.connect() as db:
        stories = [story(row) for row in newest(db, selection, _MOST_SHOWN)]
    if not stories:
        people().print(
            f"treadle: {name} is neither a dead letter nor the id of a job that died; "
            "`treadle dead list --state all` lists them"
        )
        sys.exit(1)
    if as_json:
        json.dump(stories, sys.stdout, indent=2, default=str)
        print()
    else:
        print("\n\n".join(map(text.in_full, stories)))
