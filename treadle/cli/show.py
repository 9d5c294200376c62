"""How commands show what they found: as a table for people, as JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from treadle.cli.visible import visible


def people() -> Console:
    """Where messages to people go: stderr. They contain names that others chose, so nothing in them is markup."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def show(rows: Sequence[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    """Print rows to stdout, as a table or as a JSON array; people see `empty` when there are none."""
    if as_json:
        json.dump(list(rows), sys.stdout, indent=2, default=str)
        print()
    elif rows:
        Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table(rows))
    else:
        people().print(empty)


def table(rows: Sequence[dict[str, Any]], *, title: str | None = None) -> Table:
    """A table whose columns are the keys of the first row; numbers are right-aligned.

    Control characters in cells are escaped, line ends included.
    """
    grid = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name, value in rows[0].items():
        grid.add_column(name, justify="right" if isinstance(value, int | float) else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text("" if value is None else visible(str(value))) for value in row.values()))
    return grid
