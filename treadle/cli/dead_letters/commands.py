"""`treadle dead`: the group of commands about dead letters."""

from __future__ import annotations

import typer

from treadle.cli.dead_letters.delete import delete
from treadle.cli.dead_letters.edit import edit
from treadle.cli.dead_letters.look import list_, show_
from treadle.cli.dead_letters.rebuild import rebuild
from treadle.cli.dead_letters.retry import retry

app = typer.Typer(
    help="Inspect, retry, correct or delete dead letters: jobs that no machine will try again.",
    short_help="Inspect, retry, correct or delete dead letters.",
    no_args_is_help=True,
)
app.command(name="list")(list_)
app.command(name="show")(show_)
app.command()(retry)
app.command()(edit)
app.command()(delete)
app.command()(rebuild)
