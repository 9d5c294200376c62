"""The results as a table for people, on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.figures import Figure, Limit, Series, number

_WIDTH = 150  # where there is no terminal to ask


def show(figures: Iterable[Figure]) -> None:
    """One row per figure: median and spread of each side, the targets, and why something is missing."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("measure", "unit", "Treadle", "peers", "must", "wanted"):
        table.add_column(column, justify="right" if column == "Treadle" else "left")
    for figure in figures:
        theirs = "\n".join(f"{name} {_side(series)}" for name, series in figure.peers.items())
        ours = _side(figure.ours) if figure.ours else "not available"
        table.add_row(
            *(
                Text(text)
                for text in (
                    figure.measure,
                    figure.unit,
                    ours,
                    "\n".join(filter(None, (theirs, figure.note))),
                )
            ),
            _verdict(figure, figure.must),
            _verdict(figure, figure.wanted),
        )
    Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH).print(table)


def _side(series: Series) -> str:
    low, high = series.spread
    return f"{number(series.median)} ({number(low)} to {number(high)})"


def _verdict(figure: Figure, limit: Limit | None) -> Text:
    if limit is None:
        return Text("")
    sign = "≥" if figure.more_is_better else "≤"
    text = f"{sign} {number(limit.value)}" + (f" ({limit.words})" if limit.words else "")
    holds = figure.holds(limit)
    if holds is None:
        return Text(text)
    return Text(f"{'held' if holds else 'MISSED'}: {text}", style="" if holds else "bold red")
