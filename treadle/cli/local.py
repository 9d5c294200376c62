"""`treadle local`: starts and stops the one-machine stack."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from streams.errors import ConfigError, TreadleError
from treadle.cli.show import people

if TYPE_CHECKING:
    from treadle.dev.local.stack import Part, Progress, Stack

Home = Annotated[
    Path | None,
    typer.Option(
        help="The folder of the stack.", show_default="$XDG_STATE_HOME/treadle/default", metavar="DIR"
    ),
]


def commands(after: Sequence[Callable[[Stack], None]] = ()) -> typer.Typer:
    """The group of commands. Each of `after` is called with the stack whenever it is up."""
    app = typer.Typer(
        no_args_is_help=True, help="Kafka and PostgreSQL on this machine, for trials and tests."
    )

    @app.command()
    def up(home: Home = None) -> None:
        """Start Kafka and PostgreSQL, and return when both answer. Harmless when they already run."""
        stack = _stack(home)
        began = time.monotonic()
        with _progress() as progress:
            stack.up(after=after, progress=progress)
        seconds = time.monotonic() - began
        people().print(f"Kafka and PostgreSQL answer ({seconds:.1f} s). Data and logs: {stack.home}")

    @app.command()
    def down(
        home: Home = None,
        delete: Annotated[bool, typer.Option("--delete", help="Also remove the data.")] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    ) -> None:
        """Stop Kafka and PostgreSQL. Their data is kept, unless --delete is given."""
        stack = _stack(home)
        if delete and (contents := stack.contents()):
            people().print("This removes all data of the stack:", *map(str, contents), sep="\n  ")
            if not yes and not typer.confirm("Remove it?", err=True):
                raise ConfigError("nothing was stopped and nothing removed")
        with _progress() as progress:
            stack.down(delete=delete, progress=progress)
        people().print("Stopped; the data is removed." if delete else "Stopped. The data is kept.")

    @app.command()
    def status(
        home: Home = None,
        json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        """Show what runs, and where."""
        found = _stack(home).status()
        if json:
            print(msgspec.json.format(msgspec.json.encode(found)).decode())
            return
        print(found.home)
        for name, part in (("Kafka", found.kafka), ("PostgreSQL", found.database)):
            process = f"process {part.pid}" if part.pid else ""
            print(f"  {name:<12}{_in_words(part):<24}{process:<16}{part.address or ''}".rstrip())

    @app.command(short_help="Print a running stack's settings for a shell.")
    def env(home: Home = None) -> None:
        """Print a running stack's settings for a shell: eval "$(treadle local env)"."""
        stack = _stack(home)
        if not stack.status().up:
            raise ConfigError(f"the stack in {stack.home} is not up. Start it: treadle local up")
        print(
            f"export TREADLE_KAFKA={shlex.quote(stack.kafka)} TREADLE_DATABASE={shlex.quote(stack.database)}"
        )

    return app


def _stack(home: Path | None) -> Stack:
    from treadle.dev.local.stack import Stack

    return Stack(
        home,
        given_kafka=os.environ.get("TREADLE_KAFKA"),
        given_database=os.environ.get("TREADLE_DATABASE"),
    )


def _in_words(part: Part) -> str:
    if part.given:
        return "given, answers" if part.answers else "given, does not answer"
    if part.answers:
        return "up"
    return "running, does not answer" if part.pid else "down"


@contextmanager
def _progress() -> Iterator[Progress]:
    """Shows what is being done: on a terminal in one line that changes, else one line per step."""
    if not people().is_terminal:
        yield _each_step_once()
        return
    with people().status("") as line:
        yield line.update


def _each_step_once() -> Progress:
    shown: set[str] = set()

    def progress(text: str) -> None:
        step = text.split(":")[0]
        if step not in shown:
            shown.add(step)
            people().print(step)

    return progress


if __name__ == "__main__":
    try:
        commands()()
    except TreadleError as error:
        sys.exit(str(error))
