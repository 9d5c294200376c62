"""The command `treadle`: its groups of commands, and how errors end it."""

from __future__ import annotations

import os
import sys

import typer

from streams import logs
from streams.errors import BadMessage, TreadleError
from treadle.cli import (
    check,
    dead,
    demo,
    enqueue,
    jobs,
    kinds,
    local,
    migrate,
    perform,
    practice,
    run,
    topics,
)
from treadle.prepare import prepare
from treadle.visible import visible

app = typer.Typer(
    help="Background work as event streams on Apache Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(run.app, name="run")
app.command()(check.check)
app.command()(enqueue.enqueue)
app.command()(perform.perform)
app.command()(kinds.kinds)
app.add_typer(dead.app, name="dead")
app.add_typer(jobs.app, name="jobs")
app.add_typer(topics.app, name="topics")
app.command()(migrate.migrate)
app.command()(demo.demo)
app.add_typer(local.commands(after=[prepare]), name="local")
app.add_typer(practice.app, name="practice")


def main() -> None:
    """Exit code 0: done; 1: it failed; 2: called wrongly. One line on stderr says why."""
    logs.configure("error")  # what a client library mutters while it tries again is for processes that run
    try:
        _refuse_what_is_no_text(sys.argv[1:])
        app()
    except BadMessage as error:
        _end(error, 2)
    except TreadleError as error:
        _end(error, 1)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone, and nobody is left to tell
        sys.exit(1)


def _refuse_what_is_no_text(arguments: list[str]) -> None:
    """Bytes that are no text come from the shell as lone surrogates, which nobody can encode again."""
    for each in arguments:
        try:
            each.encode()
        except UnicodeEncodeError:
            raise BadMessage(f"{os.fsencode(each)!r} is no {sys.getfilesystemencoding()} text") from None


def _end(error: TreadleError, code: int) -> None:
    print(f"treadle: {visible(str(error), lines=True)}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
