"""`treadle dead retry`: send dead letters back to their queues."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from treadle.catalogue import load_kinds
from treadle.cli.dead_letters import campaign, options
from treadle.cli.dead_letters.text import how_many
from treadle.cli.options import AsJson, By, note
from treadle.cli.show import people
from treadle.cli.stopping import stopping
from treadle.settings import read_settings

if TYPE_CHECKING:
    from monitor.dead_letters.campaign import Account


def retry(
    names: options.Names = None,
    kind: options.Kind = None,
    queue: options.OfQueue = None,
    error: options.Error = None,
    since: options.Since = None,
    until: options.Until = None,
    text: options.WithText = None,
    everything: options.All = False,
    again: Annotated[
        bool, typer.Option("--again", help="Include jobs that died again after an earlier redrive.")
    ] = False,
    rate: Annotated[
        float | None, typer.Option(min=0.01, metavar="NUMBER", help="Send at most this many per second.")
    ] = None,
    canary: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            help="Send this many first, and the rest only if all succeed or are discarded.",
        ),
    ] = None,
    canary_wait: Annotated[
        float,
        typer.Option(min=0.1, metavar="SECONDS", help="How long to wait for the outcomes of the canary."),
    ] = 60,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    by: By = None,
    why: options.Why = "",
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to their queues.

    Arguments, ordering keys and job ids stay the same; the next attempt counts as the first.

    If the command is interrupted, run it again: it continues where it stopped. Exit code 1: the canary failed, the
    command was stopped, or none of those named was sent.
    """
    from monitor.dead_letters.campaign import Campaign, Pace
    from treadle.cli.dead_letters.connection import connect

    settings = read_settings()
    kinds = load_kinds(settings.workers)
    selection = options.selection(kinds, names, kind, queue, error, since, until, text)
    options.refuse_everything(selection, everything)
    who = note(by, why)
    pace = Pace(rate, canary, timedelta(seconds=canary_wait))
    with connect(settings) as connection:
        redrive = Campaign(connection.database, selection, again=again)
        if dry_run:
            campaign.show_dry_run(redrive.counts, as_json=as_json)
            return
        account = redrive.account
        if not names and not yes and account.planned:
            campaign.ask(f"Send back {how_many(account.planned)}?")
        with connection.producer() as producer, stopping() as stop:
            steps = redrive.redrive(connection.kafka, producer, who, stop, pace)
            campaign.go_through(steps, account.planned)
    if as_json:
        _print_json(account)
    else:
        _print(account)
    campaign.exit_unless_done(account, names)


def _print_json(account: Account) -> None:
    numbers = {
        "selected": account.selected,
        "sent": account.done,
        "duplicates": account.duplicates,
        "died_again": account.died_again,
        "without_queue": [*account.without_queue],
        "too_large": [*account.too_large],
        "canary": account.canary,
        "stopped": account.stopped,
    }
    json.dump(numbers, sys.stdout, indent=2)
    print()


def _print(account: Account) -> None:
    lines = [f"{campaign.done_of_selected(account)} sent back"]
    if account.duplicates:
        lines.append(f"{account.duplicates:,} of them were duplicates: each job was sent once")
    if account.died_again:
        lines.append(
            f"{account.died_again:,} skipped, died again after an earlier redrive: include with --again"
        )
    if account.without_queue:
        advice = "name one with `treadle dead edit DEAD_LETTER --queue QUEUE`"
        lines.append(f"{_some(account.without_queue)} skipped, queue unknown: {advice}")
    if account.too_large:
        advice = "shorten the arguments with `treadle dead edit DEAD_LETTER ARGS`"
        lines.append(f"{_some(account.too_large)} skipped, too large for a job: {advice}")
    people().print("\n  ".join(lines))
    campaign.print_why_stopped(account)


def _some(names: Collection[str]) -> str:
    return f"{len(names):,} ({', '.join(islice(names, 5))}{', …' if len(names) > 5 else ''})"
