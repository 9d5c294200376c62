"""Tables for people, JSON for programs: how every command shows what it found."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from treadle.visible import visible


def people() -> Console:
    """Where messages to people go: stderr. They name what others have called so: nothing in them is markup."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def show(rows: Sequence[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    """Print rows to stdout, as a table or as a JSON array; `empty` is said to people when there are none."""
    if as_json:
        json.dump(list(rows), sys.stdout, indent=2, default=str)
        print()
    elif rows:
        Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table(rows))
    else:
        people().print(empty)


def table(rows: Sequence[dict[str, Any]], *, title: str | None = None) -> Table:
    """A table whose columns are the keys of the first row; numbers stand to the right.

    What a terminal would obey is written out in the cells, also the ends of lines.
    """
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name, value in rows[0].items():
        made.add_column(name, justify="right" if isinstance(value, int | float) else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text("" if value is None else visible(str(value))) for value in row.values()))
    return made
