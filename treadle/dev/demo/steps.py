"""Shows progress on stderr: one line per step, which changes on a terminal while the step lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

Progress = Callable[[str], None]


class Steps:
    """The steps of the demo, each with the time it took."""

    def __init__(self) -> None:
        self._out = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str = "") -> None:
        """Print a separate line."""
        self._out.print(escape(text))

    @contextmanager
    def step(self, what: str) -> Iterator[Progress]:
        """One step; its progress ("37 of 60") is shown behind it while it lasts."""
        began = time.monotonic()
        if self._out.is_terminal:
            with self._out.status(escape(f"{what} …")) as status:
                yield lambda progress: status.update(escape(f"{what} … {progress}"))
        else:
            yield lambda progress: None
        mark = "[green]✓[/green]" if self._out.is_terminal else "-"
        self._out.print(f"{mark} {escape(what)} [dim]({time.monotonic() - began:.1f} s)[/dim]")
