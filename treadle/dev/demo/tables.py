"""The tables of the demo, on stdout."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.event import Event
from streams.headers import TYPE, text_of
from streams.message import Received
from streams.wire.failure import Failure
from streams.wire.lifecycle import Finished
from treadle.dev.demo.coop import Closing

_SHOWN = 20
_LONGEST_TITLE = 54
_WIDTH = 110  # where there is no terminal to ask


def show_closings(closings: Sequence[Closing]) -> None:
    """Polls as they were closed; some if there are many, from as many time zones as possible."""
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
    caption = f"and {more} more; {zones} time zones in total" if more else None
    _show(
        f"{len(closings)} polls closed, in their authors' local time",
        ("poll", "time zone", "due", "closed"),
        rows,
        caption=caption,
    )


def show_events(events: Sequence[Event]) -> None:
    """How many events were published, by kind."""
    counts = Counter(event.kind for event in events)
    _show(
        "Events published on loomio.events",
        ("kind", "events"),
        [(k, f"{n:,}") for k, n in counts.items()],
        "<>",
    )


def show_jobs(attempts: Iterable[Finished]) -> None:
    """How many attempts there were of each queue and kind, and how long they took."""
    took: dict[tuple[str, str], list[float]] = {}
    for each in attempts:
        if each.kind:
            took.setdefault((each.queue, each.kind), []).append(each.took * 1000)
    rows = [
        (queue, kind, f"{len(times):,}", f"{median(times):.1f}", f"{max(times):.1f}")
        for (queue, kind), times in sorted(took.items())
    ]
    _show("Jobs done", ("queue", "kind", "jobs", "median ms", "max ms"), rows, "<<>>>")


def show_waiting(rows: Iterable[Sequence[str]]) -> None:
    """Attempts that had to wait, and how late they began."""
    _show("Jobs that had to wait", ("kind", "attempt", "ms late", "outcome"), rows, "<>><")


def show_sent_back(rows: Iterable[Sequence[str]]) -> None:
    """The attempts of a job that had died, and in between who sent it back."""
    _show("The dead job, sent back to its queue", ("attempt", "outcome", "reason"), rows, "><<")


def show_dead_letter(title: str, dead_letter: Received, failure: Failure) -> None:
    """A dead letter: its position, what went wrong, and why it is not retried."""
    rows = [
        ("dead letter", f"{dead_letter.partition}:{dead_letter.offset}"),
        ("read from", f"{failure.topic}, partition {failure.partition}, offset {failure.offset}"),
        ("kind", text_of(dead_letter.headers, TYPE)),
        ("value", (dead_letter.value or b"").decode(errors="replace")),
        ("error", failure.message),
        ("why dead", failure.why),
    ]
    _show(title, ("", ""), rows, heads=False)


def show_account(title: str, rows: Sequence[tuple[str, str]], caption: str | None = None) -> None:
    """Figures with their names, one per line; a caption explains one."""
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
    for index, name in enumerate(columns):
        made.add_column(
            name,
            justify="right" if sides[index : index + 1] == ">" else "left",
            no_wrap=heads == (index > 0),
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
    """At most _SHOWN, one of each time zone before a second of any; in their own order."""
    seen: Counter[str] = Counter()
    ranked = []
    for index, closing in enumerate(closings):
        ranked.append((seen[closing.zone], index))
        seen[closing.zone] += 1
    return [closings[index] for _, index in sorted(sorted(ranked)[:_SHOWN], key=lambda found: found[1])]
