"""`treadle dead delete`: take dead letters out of the list for good."""

from __future__ import annotations

import json
import sys

from treadle.catalogue import load_kinds
from treadle.cli.dead_letters import campaign, options
from treadle.cli.dead_letters.text import how_many
from treadle.cli.options import AsJson, By, note
from treadle.cli.show import people
from treadle.cli.stopping import stopping
from treadle.settings import read_settings


def delete(
    names: options.Names = None,
    kind: options.Kind = None,
    queue: options.OfQueue = None,
    error: options.Error = None,
    since: options.Since = None,
    until: options.Until = None,
    text: options.WithText = None,
    everything: options.All = False,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    by: By = None,
    why: options.Why = "",
    as_json: AsJson = False,
) -> None:
    """Delete dead letters, so that no one can send them back. Their bytes stay in Kafka until retention ends.

    Duplicates of a dead letter are deleted with it. Exit code 1: the command was stopped, or none of those named is
    dead.
    """
    from monitor.dead_letters.campaign import Campaign
    from treadle.cli.dead_letters.connection import connect

    settings = read_settings()
    kinds = load_kinds(settings.workers)
    selection = options.selection(kinds, names, kind, queue, error, since, until, text)
    options.refuse_everything(selection, everything)
    who = note(by, why)
    with connect(settings) as connection:
        deletion = Campaign(connection.database, selection, again=True)
        if dry_run:
            campaign.show_dry_run(deletion.counts, as_json=as_json)
            return
        account = deletion.account
        if not names and not yes and account.planned:
            campaign.ask(f"Delete {how_many(account.planned)}?")
        with connection.producer() as producer, stopping() as stop:
            campaign.go_through(deletion.delete(producer, who, stop), account.planned)
    if as_json:
        json.dump(
            {"selected": account.selected, "deleted": account.done, "stopped": account.stopped}, sys.stdout
        )
        print()
    else:
        people().print(f"{campaign.done_of_selected(account)} deleted")
        campaign.print_why_stopped(account)
    campaign.exit_unless_done(account, names)
