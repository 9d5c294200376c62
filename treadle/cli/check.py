"""`treadle check`: finds what is wrong before anything starts."""

import sys

from treadle.cli.options import AsJson
from treadle.cli.show import people, show


def check(as_json: AsJson = False) -> None:
    """Find everything that is wrong with settings, topics.yaml, Kafka and the database.

    Exit code 1: there are findings.
    """
    from treadle.checks.check import findings

    found = findings()
    rows = [{"where": each.where, "what": each.what, "what to do": each.remedy} for each in found]
    show(rows, as_json=as_json, empty="all is well")
    if found:
        if not as_json:
            people().print("1 finding" if len(found) == 1 else f"{len(found)} findings")
        sys.exit(1)
