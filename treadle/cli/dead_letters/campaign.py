"""What `retry` and `delete` share: the dry run, the question, and the progress bar of a campaign."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from treadle.cli.dead_letters.text import for_table, how_many
from treadle.cli.show import people, show
from treadle.cli.visible import visible

if TYPE_CHECKING:
    from monitor.dead_letters.campaign import Account
    from monitor.dead_letters.select import Count

_CONTINUE = "The rest was left alone; run the command again to continue"


def show_dry_run(counts: Sequence[Count], *, as_json: bool) -> None:
    """Print how many dead letters there are of which kind and error."""
    rows: list[dict[str, Any]] = [
        {
            "dead_letters": each.dead_letters,
            "kind": each.kind,
            "error": each.error,
            "died_again": each.died_again,
        }
        for each in counts
    ]
    show(rows if as_json else [for_table(row) for row in rows], as_json=as_json, empty="no dead letters")


def ask(question: str) -> None:
    """Go on if the answer is yes; otherwise end with exit code 1."""
    people().print(f"{question} [y/N]", end=" ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        people().print("nothing was changed")
        sys.exit(1)


def go_through(steps: Iterable[Account], planned: int) -> None:
    """Go through a campaign under a progress bar."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("dead letters"), TimeRemainingColumn())
    with Progress(*columns, console=people(), transient=True) as bar:
        task = bar.add_task("", total=planned)
        for account in steps:
            bar.update(task, completed=account.done)


def done_of_selected(account: Account) -> str:
    """How many of how many; there may be more than were selected, as duplicates go with the first of them."""
    if account.done > account.selected:
        more = account.done - account.selected
        return f"{how_many(account.selected)} and {more:,} duplicate{'' if more == 1 else 's'}"
    return f"{account.done:,} of {account.selected:,} dead letters"


def print_why_stopped(account: Account) -> None:
    """Why it ended early, if it did."""
    if account.stopped:
        people().print(visible(f"treadle: {account.stopped}. {_CONTINUE}"))


def exit_unless_done(account: Account, names: Sequence[str] | None) -> None:
    """Exit code 1 when it ended early, or nothing was done about what was named."""
    if account.stopped or (names and not account.done):
        sys.exit(1)
