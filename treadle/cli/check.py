"""`treadle check`: what is wrong, before anything starts."""

import sys
from typing import Annotated

import typer

from treadle.cli.show import people, show


def check(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Find all that is wrong with settings, topics.yaml, Kafka and the database.

    Exit code 1 if there is anything.
    """
    from treadle.check import findings

    found = findings()
    rows = [{"where": each.where, "what": each.what, "what to do": each.remedy} for each in found]
    show(rows, as_json=as_json, empty="all is well")
    if found:
        if not as_json:
            people().print(f"{len(found)} findings")
        sys.exit(1)
