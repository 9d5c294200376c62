"""`treadle local`: the one-machine stack, up and down."""

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
from rich.console import Console

from streams.errors import ConfigError, TreadleError

if TYPE_CHECKING:
    from treadle.local.stack import Part, Stack, Tell

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of the stack.", show_default="$XDG_STATE_HOME/treadle/default", metavar="DIR"),
]

people = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def commands(after: Sequence[Callable[[Stack], None]] = ()) -> typer.Typer:
    """The group of commands. Each of `after` is called with the stack whenever it has come up."""
    app = typer.Typer(
        no_args_is_help=True, help="Kafka and PostgreSQL on this machine, for trying out and for tests."
    )

    @app.command()
    def up(home: Home = None) -> None:
        """Start Kafka and PostgreSQL, and return when both answer. Harmless when they run already."""
        stack = _stack(home)
        began = time.monotonic()
        with _progress() as tell:
            stack.up(after=after, tell=tell)
        seconds = time.monotonic() - began
        people.print(f"Kafka and PostgreSQL answer ({seconds:.1f} s). Data and logs: {stack.home}")

    @app.command()
    def down(
        home: Home = None,
        delete: Annotated[bool, typer.Option("--delete", help="Remove the data as well.")] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask before removing.")] = False,
    ) -> None:
        """Stop Kafka and PostgreSQL. Their data stays, unless --delete is given."""
        stack = _stack(home)
        if delete and (contents := stack.contents()):
            people.print(
                "This removes all data of the stack:", *map(str, contents), sep="\n  ", soft_wrap=True
            )
            if not yes and not typer.confirm("Remove it?", err=True):
                raise ConfigError("nothing was stopped and nothing removed")
        with _progress() as tell:
            stack.down(delete=delete, tell=tell)
        people.print("Nothing runs, and the data is gone." if delete else "Nothing runs. The data stays.")

    @app.command()
    def status(
        home: Home = None,
        json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    ) -> None:
        """What runs, and where."""
        found = _stack(home).status()
        if json:
            print(msgspec.json.format(msgspec.json.encode(found)).decode())
            return
        print(found.home)
        for name, part in (("Kafka", found.kafka), ("PostgreSQL", found.database)):
            process = f"process {part.pid}" if part.pid else ""
            print(f"  {name:<12}{_in_words(part):<24}{process:<16}{part.address or ''}".rstrip())

    @app.command()
    def env(home: Home = None) -> None:
        """Print the settings of a stack that is up, for a shell: eval "$(treadle local env)"."""
        stack = _stack(home)
        if not stack.status().up:
            raise ConfigError(f"the stack in {stack.home} is not up. Start it: treadle local up")
        print(
            f"export TREADLE_KAFKA={shlex.quote(stack.kafka)} TREADLE_DATABASE={shlex.quote(stack.database)}"
        )

    return app


def _stack(home: Path | None) -> Stack:
    from treadle.local.stack import Stack

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
    return "runs, does not answer" if part.pid else "down"


@contextmanager
def _progress() -> Iterator[Tell]:
    """Shows what is going on: in one line that changes on a terminal, else a line for each step."""
    if not people.is_terminal:
        yield _each_step_once()
        return
    with people.status("") as line:
        yield line.update


def _each_step_once() -> Tell:
    told: set[str] = set()

    def tell(step: str) -> None:
        kind = step.split(":")[0]
        if kind not in told:
            told.add(kind)
            people.print(kind)

    return tell


if __name__ == "__main__":
    try:
        commands()()
    except TreadleError as error:
        sys.exit(str(error))
