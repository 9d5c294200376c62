"""`treadle demo`: the demo."""

from __future__ import annotations

from typing import Annotated

import typer

from treadle.settings import read_settings


def demo(
    keep: Annotated[
        bool,
        typer.Option("--keep", envvar="KEEP", help="Leave everything running, and print how to look around."),
    ] = False,
) -> None:
    """Watch a co-op's lapsed polls close through Kafka, a dead job succeed, and a killed consumer lose nothing.

    Starts its own Kafka and PostgreSQL in a temporary folder, unless TREADLE_KAFKA and TREADLE_DATABASE name others;
    there it creates its own database. Exit code 0 means that everything went as it should.
    """
    from treadle.dev.demo.run import run_demo

    run_demo(read_settings(), keep=keep)
