"""`treadle migrate`: bring Treadle's own tables up to date."""

from typing import Annotated

import typer

from treadle import database


def migrate(
    url: Annotated[str, typer.Option("--database", envvar="TREADLE_DATABASE", help="PostgreSQL URL.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is due.")] = False,
) -> None:
    """Bring Treadle's own tables (schema `treadle`) up to date. Harmless when repeated."""
    revisions = database.migrate(url, dry_run=dry_run)
    for revision in revisions:
        typer.echo(revision)
    if not revisions:
        typer.echo("nothing is due", err=True)
