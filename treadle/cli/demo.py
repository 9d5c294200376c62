"""`treadle demo`: the tour."""

from __future__ import annotations

from typing import Annotated

import typer

from treadle.settings import read_settings


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", envvar="KEEP", help="Leave everything up, and say how to look around.")
    ] = False,
) -> None:
    """Watch a co-op's lapsed polls close by way of Kafka, a dead job come back, and a killed consumer lose nothing.

    Brings its own Kafka and PostgreSQL, in a temporary folder, unless TREADLE_KAFKA and TREADLE_DATABASE
    name others; there it makes a database for itself. Exit code 0: all came about.
    """
    from treadle.demo.tour import give_tour

    give_tour(read_settings(), keep=keep)
