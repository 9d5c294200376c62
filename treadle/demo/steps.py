"""Shows what is going on, on stderr: a line for each step, alive on a terminal and plain elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

Tell = Callable[[str], None]


class Steps:
    """The steps of the tour, each with the time it took."""

    def __init__(self) -> None:
        self._out = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str = "") -> None:
        """A line of its own."""
        self._out.print(escape(text))

    @contextmanager
    def step(self, what: str) -> Iterator[Tell]:
        """One step; what is told meanwhile ("37 of 60") stands behind it while it lasts."""
        began = time.monotonic()
        if self._out.is_terminal:
            with self._out.status(escape(f"{what} …")) as line:
                yield lambda told: line.update(escape(f"{what} … {told}"))
        else:
            yield lambda told: None
        mark = "[green]✓[/green]" if self._out.is_terminal else "-"
        self._out.print(f"{mark} {escape(what)} [dim]({time.monotonic() - began:.1f} s)[/dim]")
