"""`treadle perform`: performs one job here, and shows what it changes."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from streams.job import Job, kind_of
from streams.moments import read_moment
from streams.process import logs
from streams.wire.jobs import read_job
from treadle.catalogue import load_workers
from treadle.cli.show import table
from treadle.settings import read_settings


def perform(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="A kind, or a Ruby worker's name.")],
    args: Annotated[
        str,
        typer.Argument(metavar="ARGS", help="The arguments: a JSON object, or an array in field order."),
    ] = "{}",
    now: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Perform it as if it were this time: ISO 8601 with its time zone."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Roll back; only show what would change.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, in the format of the golden cases.")
    ] = False,
) -> None:
    """Perform one job once, in this process, against the database, without Kafka.

    Shows what it would send, but sends nothing.

    treadle perform polls.close '{"poll_id": 42}' --dry-run
    """
    from consumers.worker import declared
    from treadle.database import engine
    from treadle.perform.perform import perform as perform_once

    settings = read_settings()
    logs.configure(settings.log_level)
    kinds = load_workers(settings.workers)
    job = read_job(kinds, kind, args.encode())[1]
    database = engine(settings.database, pool_size=2) if settings.database else None
    done = perform_once(
        job,
        kinds=kinds,
        workers=declared,
        engine=database,
        now=read_moment(now) if now is not None else None,
        dry_run=dry_run,
    )
    if as_json:
        json.dump(done.as_golden(), sys.stdout, indent=2, default=str)
        print()
    else:
        _print(job, done, dry_run)
    if done.outcome == "failed":
        print(f"treadle: {kind_of(job).name} failed: {done.reason}", file=sys.stderr)
        sys.exit(1)


def _print(job: Job, done: Any, dry_run: bool) -> None:
    out = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    title = f"{kind_of(job).name} {done.outcome}" + (f": {done.reason}" if done.reason else "")
    out.print(f"[bold]{escape(title)}[/bold]" + (" (dry run: rolled back)" if dry_run else ""))
    for name, changes in done.rows.items():
        rows = [*_rows(changes)]
        out.print()
        out.print(table(rows, title=f"table {name}"))
    if done.jobs:
        rows = [{"kind": kind_of(j).name, "arguments": j, "queue": kind_of(j).queue.value} for j in done.jobs]
        out.print()
        out.print(table(rows, title="jobs that would follow"))
    if done.events:
        out.print()
        out.print(table(done.events, title="events that would be published"))


def _rows(changes: dict[str, Any]) -> Any:
    for change in changes.get("updated", []):
        for column, (before, after) in change["changes"].items():
            yield {
                "change": "update",
                "row": change["key"],
                "column": column,
                "before": before,
                "after": after,
            }
    for row in changes.get("inserted", []):
        yield {"change": "insert", "row": row.get("id"), "column": "", "before": None, "after": _text(row)}
    for row in changes.get("deleted_rows", []):
        yield {"change": "delete", "row": row.get("id"), "column": "", "before": _text(row), "after": None}


def _text(row: dict[str, Any]) -> str:
    return ", ".join(f"{column}={value}" for column, value in row.items() if value is not None)
