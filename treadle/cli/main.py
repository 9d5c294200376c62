"""The command `treadle`: its groups of commands, and its exit codes."""

from __future__ import annotations

import os
import sys

import typer

from streams.errors import BadMessage, TreadleError
from streams.process import logs
from treadle.cli import (
    check,
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
from treadle.cli.dead_letters import commands as dead_letters
from treadle.cli.visible import visible
from treadle.dev.prepare import prepare

app = typer.Typer(
    help="Background work as event streams on Apache Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(run.app, name="run")
app.command(short_help="Check settings, topics.yaml, Kafka and the database.")(check.check)
app.command(short_help="Enqueue jobs and print their ids.")(enqueue.enqueue)
app.command(short_help="Perform one job here, without Kafka.")(perform.perform)
app.command(short_help="List the kinds of jobs.")(kinds.kinds)
app.add_typer(dead_letters.app, name="dead")
app.add_typer(jobs.app, name="jobs")
app.add_typer(topics.app, name="topics")
app.command()(migrate.migrate)
app.command(short_help="Run a demonstration of the whole system.")(demo.demo)
app.add_typer(local.commands(after=[prepare]), name="local")
app.add_typer(practice.app, name="practice")


def main() -> None:
    """Run a command. Exit code 0: done; 1: it failed; 2: wrong usage. One line on stderr says why."""
    logs.configure("error")  # what client libraries log while they retry matters to processes, not commands
    try:
        _refuse_what_is_not_text(sys.argv[1:])
        app()
    except BadMessage as error:
        _end(error, 2)
    except TreadleError as error:
        _end(error, 1)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone
        sys.exit(1)


def _refuse_what_is_not_text(arguments: list[str]) -> None:
    """Bytes that are not text arrive from the shell as lone surrogates, which cannot be encoded again."""
    for each in arguments:
        try:
            each.encode()
        except UnicodeEncodeError:
            raise BadMessage(f"{os.fsencode(each)!r} is not {sys.getfilesystemencoding()} text") from None


def _end(error: TreadleError, code: int) -> None:
    print(f"treadle: {visible(str(error), lines=True)}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
