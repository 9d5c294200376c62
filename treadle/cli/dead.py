"""`treadle dead`: look at dead letters, send them back, correct or delete them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from streams.job import Queue
from treadle.catalogue import load_kinds
from treadle.cli import dead_options as options
from treadle.cli import dead_retry
from treadle.cli.show import people, show
from treadle.settings import read_settings
from treadle.visible import visible

if TYPE_CHECKING:
    from treadle.dead.asked import Chosen

app = typer.Typer(
    help="Dead letters: jobs no machine will try again. A person decides.", no_args_is_help=True
)
app.command()(dead_retry.retry)
app.command()(dead_retry.delete)
_STATES = ("dead", "sent", "deleted", "all")


@app.command(name="list")
def list_(
    letters: options.Names = None,
    kind: options.Kind = None,
    queue: options.OfQueue = None,
    error: options.Error = None,
    since: options.Since = None,
    until: options.Until = None,
    text: options.WithText = None,
    state: Annotated[str, typer.Option(help="dead, sent, deleted or all.")] = "dead",
    limit: Annotated[int, typer.Option(min=1, help="So many at most, those that died last.")] = 50,
    as_json: options.AsJson = False,
) -> None:
    """List dead letters, those that died last first."""
    from dataclasses import replace

    from treadle.dead.choose import count, newest
    from treadle.dead.desk import desk

    if state not in _STATES:
        raise typer.BadParameter(f"{state!r}: one of {', '.join(_STATES)}", param_hint="--state")
    settings = read_settings()
    wanted = options.chosen(load_kinds(settings.workers), letters, kind, queue, error, since, until, text)
    wanted = replace(wanted, state="" if state == "all" else state)
    with desk(settings) as at, at.database.connect() as db:
        rows = [_row(row, whole=as_json) for row in newest(db, wanted, limit)]
        there = sum(each.letters for each in count(db, wanted))
    show(rows, as_json=as_json, empty="no dead letters")
    if rows and not as_json:
        people().print(f"{len(rows):,} of {there:,}")


@app.command(name="show")
def show_(
    letter: options.Name,
    as_json: options.AsJson = False,
) -> None:
    """Show all there is of one letter: headers and arguments as they came, the failure, what was done with it.

    Of a job that died several times, all letters.
    """
    from dataclasses import replace

    from treadle.dead.choose import newest
    from treadle.dead.desk import desk
    from treadle.dead.view import story, told

    settings = read_settings()
    wanted = replace(_one(letter), state="")
    with desk(settings) as at, at.database.connect() as db:
        stories = [story(row) for row in newest(db, wanted, 100)]
    if not stories:
        _none(letter)
    if as_json:
        json.dump(stories, sys.stdout, indent=2, default=str)
        print()
    else:
        print("\n\n".join(map(told, stories)))


@app.command()
def edit(
    letter: options.Name,
    args: Annotated[
        str | None,
        typer.Argument(help="New arguments as JSON, or - for stdin."),
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Another kind.", callback=options.not_empty)] = None,
    queue: Annotated[Queue | None, typer.Option(help="Another queue.")] = None,
    key: Annotated[str | None, typer.Option(help="Another ordering key.")] = None,
    by: options.By = None,
    why: options.Why = "",
) -> None:
    """Correct one letter and send it home. It is checked against its kind before; the job keeps its id.

    treadle dead edit 3:1042 '{"poll_id": 42}' --why "the id was a text"
    """
    from treadle.dead.choose import newest
    from treadle.dead.desk import desk
    from treadle.dead.edit import Changes, edited
    from treadle.dead.letter import Letter
    from treadle.dead.send import send_edited

    settings = read_settings()
    kinds = load_kinds(settings.workers)
    who = options.note(by, why)
    if (args, kind, queue, key) == (None, None, None, None):
        raise typer.BadParameter(
            "say what to change: new arguments, --kind, --queue or --key", param_hint="ARGS"
        )
    with desk(settings) as at:
        with at.database.connect() as db:
            rows = newest(db, _one(letter), 1)
        if not rows:
            _none(letter)
        found = Letter(*rows[0][: len(Letter._fields)])
        changes = Changes(_arguments(args), kind, queue, key)
        message, changed = edited(found.received(), changes, kinds)
        with at.producer() as producer:
            if not send_edited(at.database, producer, found, message, who, at.orders(), changed):
                _none(letter)
    print(visible((dict(message.headers)["ce_id"] or b"").decode(errors="backslashreplace")))
    people().print(f"{found.name} is sent to {message.topic}; changed: {', '.join(changed) or 'nothing'}")


@app.command()
def rebuild() -> None:
    """Make the store of dead letters anew from the topics."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from treadle.dead.asked import Chosen
    from treadle.dead.choose import count
    from treadle.dead.desk import desk

    with Progress(
        SpinnerColumn(), TextColumn("{task.completed:,.0f} messages read"), console=people()
    ) as bar:
        task = bar.add_task("", total=None)
        with (
            desk(read_settings(), rebuild=True, told=lambda read: bar.advance(task, read)) as at,
            at.database.connect() as db,
        ):
            there = sum(each.letters for each in count(db, Chosen()))
    people().print(f"{there:,} letters are dead")


def _one(letter: str) -> Chosen:
    return options.chosen(load_kinds(""), [letter], None, None, None, None, None, None)


def _arguments(args: str | None) -> bytes | None:
    if args == "-":
        return sys.stdin.buffer.read()
    return None if args is None else args.encode()


def _none(letter: str) -> NoReturn:
    people().print(
        f"treadle: {letter} is no dead letter; `treadle dead list --state all` shows what became of it"
    )
    sys.exit(1)


def _row(row: Any, *, whole: bool) -> dict[str, Any]:
    return {
        "letter": f"{row.partition}:{row.offset}",
        "job": row.job_id,
        "kind": row.kind,
        "queue": row.queue,
        "error": row.error,
        "message": row.message if whole or len(row.message) <= 80 else row.message[:79] + "…",
        "attempt": row.attempt,
        "sent before": row.redrives,
        "died": row.died_at.isoformat(timespec="seconds"),
        "state": row.state,
    }
