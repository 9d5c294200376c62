"""`treadle dead retry | delete`: many letters at once, after a look at how many, and a canary if wished."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from treadle.catalogue import load_kinds
from treadle.cli import dead_options as options
from treadle.cli.show import people, show
from treadle.cli.stopping import Stop, stopping
from treadle.settings import read_settings
from treadle.visible import visible

if TYPE_CHECKING:
    from treadle.dead.asked import Chosen
    from treadle.dead.choose import Count
    from treadle.dead.desk import Desk
    from treadle.dead.send import Sent


@dataclass
class Account:
    """What became of the letters that were chosen."""

    chosen: int
    sent: int = 0
    repeated: int = 0
    died_again: int = 0
    homeless: dict[str, None] = field(default_factory=dict)  # a set that keeps its order
    too_large: dict[str, None] = field(default_factory=dict)
    canary: dict[str, str] | None = None
    stopped: str = ""

    def take(self, batch: Sent) -> None:
        """Add what one batch came to."""
        self.sent += batch.letters
        self.repeated += batch.repeated
        self.homeless |= dict.fromkeys(batch.homeless)
        self.too_large |= dict.fromkeys(batch.too_large)


def retry(
    letters: options.Names = None,
    kind: options.Kind = None,
    queue: options.OfQueue = None,
    error: options.Error = None,
    since: options.Since = None,
    until: options.Until = None,
    text: options.WithText = None,
    everything: options.All = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also what died again after it had been sent back.")
    ] = False,
    rate: Annotated[float | None, typer.Option(min=0.01, help="So many a second at most.")] = None,
    canary: Annotated[
        int | None, typer.Option(min=1, help="Send so many, and the rest only if they succeed.")
    ] = None,
    canary_wait: Annotated[float, typer.Option(min=0.1, help="Seconds that the canary has.")] = 60,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    by: options.By = None,
    why: options.Why = "",
    as_json: options.AsJson = False,
) -> None:
    """Send dead letters home: value and headers as they came, as a first attempt under the same job id.

    When it is interrupted, the same command goes on where it was.
    """
    settings = read_settings()
    wanted = options.chosen(load_kinds(settings.workers), letters, kind, queue, error, since, until, text)
    options.refuse_everything(wanted, everything)
    who = options.note(by, why)
    with _looked_at(wanted, dry_run=dry_run, as_json=as_json) as found:
        if found is None:
            return
        at, wanted, counts = found
        died_again = 0 if again else sum(each.again for each in counts)
        account = Account(sum(each.letters for each in counts), died_again=died_again)
        if not letters and not yes and account.chosen > died_again:
            _ask(f"Send {account.chosen - died_again:,} letters home?")
        with at.producer() as producer, stopping() as stop:
            from treadle.dead.send import send_back

            send = partial(
                send_back,
                *(at.database, producer, wanted, who, at.orders()),
                again=again,
                rate=rate,
                pause=stop.wait,
            )
            if canary is None or _canary_succeeds(at, send(first=canary), account, canary_wait, stop):
                _work(send(), account, stop)
    _tell(account, as_json=as_json)
    if account.stopped or (letters and not account.sent):
        sys.exit(1)


def delete(
    letters: options.Names = None,
    kind: options.Kind = None,
    queue: options.OfQueue = None,
    error: options.Error = None,
    since: options.Since = None,
    until: options.Until = None,
    text: options.WithText = None,
    everything: options.All = False,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    by: options.By = None,
    why: options.Why = "",
    as_json: options.AsJson = False,
) -> None:
    """Delete dead letters: nobody sends them back any more. Their bytes stay in Kafka until its retention ends."""
    settings = read_settings()
    wanted = options.chosen(load_kinds(settings.workers), letters, kind, queue, error, since, until, text)
    options.refuse_everything(wanted, everything)
    who = options.note(by, why)
    with _looked_at(wanted, dry_run=dry_run, as_json=as_json) as found:
        if found is None:
            return
        at, wanted, counts = found
        account = Account(sum(each.letters for each in counts))
        if not letters and not yes and account.chosen:
            _ask(f"Delete {account.chosen:,} letters?")
        with at.producer() as producer, stopping() as stop:
            from treadle.dead.send import delete as delete_letters

            _work(delete_letters(at.database, producer, wanted, who), account, stop)
    if as_json:
        json.dump({"chosen": account.chosen, "deleted": account.sent}, sys.stdout)
        print()
    else:
        people().print(f"{_of_chosen(account)} deleted")
    if account.stopped or (letters and not account.sent):
        sys.exit(1)


@contextmanager
def _looked_at(
    wanted: Chosen, *, dry_run: bool, as_json: bool
) -> Iterator[tuple[Desk, Chosen, list[Count]] | None]:
    """The desk, the choice as of now, and how many there are of what; None after a dry run, which tells it."""
    from treadle.dead.choose import as_of_now, count
    from treadle.dead.desk import desk

    with desk(read_settings()) as at:
        with at.database.connect() as db:
            wanted = as_of_now(db, wanted)
            counts = count(db, wanted)
        if dry_run:
            rows = [
                {"letters": c.letters, "kind": c.kind, "error": c.error, "died again": c.again}
                for c in counts
            ]
            show(rows, as_json=as_json, empty="no dead letters")
            yield None
        else:
            yield at, wanted, counts


def _ask(question: str) -> None:
    people().print(f"{question} [y/N]", end=" ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        people().print("nothing is done")
        sys.exit(1)


def _canary_succeeds(at: Desk, batches: Iterator[Sent], account: Account, wait: float, stop: Stop) -> bool:
    """Send the canary and wait for its outcomes; whether all went well. The account says how it went."""
    from treadle.dead.canary import WELL, Canary

    canary = Canary(at.kafka)
    try:
        jobs: list[str] = []
        for batch in stop.before_each(batches):
            account.take(batch)
            jobs += batch.jobs
        outcomes = canary.outcomes(set(jobs), timedelta(seconds=wait), pause=stop.wait)
    finally:
        canary.close()
    missing = "nothing told yet" if stop.asked else "nothing told in time"
    account.canary = {job: outcomes.get(job, missing) for job in jobs}
    bad = [outcome for outcome in account.canary.values() if outcome not in WELL]
    if bad:
        told = ", ".join(f"{count} {outcome}" for outcome, count in Counter(bad).items())
        fared = "had not succeeded when it was asked to stop" if stop.asked else "did not succeed"
        account.stopped = f"{len(bad)} of the canary's {len(jobs)} jobs {fared} ({told})"
    return not bad


def _work(batches: Iterator[Sent], account: Account, stop: Stop) -> None:
    """Go through the batches under a progress bar; a signal ends it between two."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("letters"), TimeRemainingColumn())
    with Progress(*columns, console=people(), transient=True) as bar:
        task = bar.add_task("", total=account.chosen - account.died_again, completed=account.sent)
        for batch in stop.before_each(batches):
            account.take(batch)
            bar.update(task, completed=account.sent)
    if stop.asked:
        account.stopped = "asked to stop; the same command goes on where this one ended"


def _of_chosen(account: Account) -> str:
    """How many of how many; more than were chosen, when others tell of the same jobs."""
    if account.sent > account.chosen:
        return f"{account.chosen:,} letters, and {account.sent - account.chosen:,} more of the same jobs,"
    return f"{account.sent:,} of {account.chosen:,} letters"


def _some(names: dict[str, None]) -> str:
    return f"{len(names):,} ({', '.join(islice(names, 5))}{'…' if len(names) > 5 else ''})"


def _tell(account: Account, *, as_json: bool) -> None:
    if as_json:
        rows = {**vars(account), "homeless": [*account.homeless], "too_large": [*account.too_large]}
        json.dump(rows, sys.stdout, indent=2)
        print()
        return
    tell = people().print
    tell(f"{_of_chosen(account)} sent home")
    if account.repeated:
        tell(f"  {account.repeated:,} of them told of a job that another letter told of, too: it went once")
    if account.died_again:
        tell(f"  {account.died_again:,} died again after they had been sent back: with --again they go, too")
    if account.homeless:
        tell(f"  {_some(account.homeless)} without a home: `treadle dead edit LETTER --queue`")
    if account.too_large:
        tell(f"  {_some(account.too_large)} too large for a job: `treadle dead edit LETTER ARGS`")
    if account.stopped:
        tell(visible(f"treadle: {account.stopped}. The rest stays dead."))
