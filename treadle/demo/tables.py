"""The tables of the tour, on stdout."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from consumers.lifecycle import Finished
from streams.dead import Failure
from streams.event import Event
from streams.message import Received
from treadle.demo.coop import Closing

_SHOWN = 20
_LONGEST_TITLE = 54
_WIDTH = 110  # where no terminal says how wide it is


def show_closings(closings: Sequence[Closing]) -> None:
    """Polls as they were closed; of many some, from as many zones as there are."""
    shown = _from_many_zones(closings)
    rows = [
        (
            _clipped(closing.title),
            closing.zone,
            f"{closing.closing_at:%d %b %H:%M}",
            f"{closing.closed_at:%d %b %H:%M:%S}",
        )
        for closing in shown
    ]
    more, zones = len(closings) - len(shown), len({closing.zone for closing in closings})
    caption = f"and {more} more; {zones} zones in all" if more else None
    _show(
        f"{len(closings)} polls closed, by the clocks of their authors",
        ("poll", "zone", "was to close", "closed at"),
        rows,
        caption=caption,
    )


def show_events(events: Sequence[Event]) -> None:
    """What was published, by kind."""
    counts = Counter(event.kind for event in events)
    _show(
        "Events published on loomio.events",
        ("kind", "events"),
        [(k, f"{n:,}") for k, n in counts.items()],
        "<>",
    )


def show_jobs(facts: Iterable[Finished]) -> None:
    """How many jobs of each queue and kind there were, and how long they took."""
    took: dict[tuple[str, str], list[float]] = {}
    for fact in facts:
        if fact.kind:
            took.setdefault((fact.queue, fact.kind), []).append(fact.took * 1000)
    rows = [
        (queue, kind, f"{len(times):,}", f"{median(times):.1f}", f"{max(times):.1f}")
        for (queue, kind), times in sorted(took.items())
    ]
    _show("Jobs done", ("queue", "kind", "jobs", "median ms", "worst ms"), rows, "<<>>>")


def show_waiting(rows: Iterable[Sequence[str]]) -> None:
    """Attempts that had to wait, and how late they began."""
    _show("Jobs that had to wait", ("kind", "attempt", "ms late", "outcome"), rows, "<>><")


def show_sent_back(rows: Iterable[Sequence[str]]) -> None:
    """The attempts of a job that had died, and between them who sent it back."""
    _show("A job that died and was sent back", ("attempt", "outcome", "why"), rows, "><<")


def show_dead_letter(title: str, letter: Received, reason: Failure) -> None:
    """A message that nothing tries again, what went wrong and why that was the end."""
    headers = {name: value for name, value in letter.headers if value is not None}
    rows = [
        ("letter", f"{letter.partition}:{letter.offset}"),
        ("lay in", f"{reason.topic}, partition {reason.partition}, offset {reason.offset}"),
        ("kind", headers.get("ce_type", b"").decode(errors="replace")),
        ("value", (letter.value or b"").decode(errors="replace")),
        ("reason", reason.message),
        ("why dead", reason.why),
    ]
    _show(title, ("", ""), rows, heads=False)


def show_account(title: str, rows: Sequence[tuple[str, str]], caption: str | None = None) -> None:
    """Words and figures, line by line; a caption explains one."""
    _show(title, ("", ""), rows, "<>", caption=caption, heads=False)


def _show(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    sides: str = "",
    *,
    caption: str | None = None,
    heads: bool = True,
) -> None:
    made = Table(
        box=box.SIMPLE_HEAD if heads else None,
        show_header=heads,
        show_edge=False,
        pad_edge=False,
    )
    for place, name in enumerate(columns):
        made.add_column(
            name,
            justify="right" if sides[place : place + 1] == ">" else "left",
            no_wrap=heads == (place > 0),
            overflow="fold",
        )
    for row in rows:
        made.add_row(*map(Text, row))
    out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    out.print(Text(title, style="bold"), Text(), made, sep="\n")
    out.print(*([Text(), Text(caption)] if caption else []), Text(), sep="\n")


def _clipped(title: str) -> str:
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 2]} …"


def _from_many_zones(closings: Sequence[Closing]) -> list[Closing]:
    """At most so many, of each zone one before of any a second; in their own order."""
    seen: Counter[str] = Counter()
    ranked = []
    for place, closing in enumerate(closings):
        ranked.append((seen[closing.zone], place))
        seen[closing.zone] += 1
    return [closings[place] for _, place in sorted(sorted(ranked)[:_SHOWN], key=lambda found: found[1])]
