"""`treadle migrate`: bring Treadle's own tables up to date."""

from typing import Annotated

import typer

from treadle.cli.show import people
from treadle.settings import read_settings


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is due.")] = False,
) -> None:
    """Bring Treadle's own tables (schema treadle) up to date. Harmless when repeated."""
    from treadle import migrating

    revisions = migrating.migrate(read_settings().database_url(), dry_run=dry_run)
    for revision in revisions:
        print(revision)
    if not revisions:
        people().print("nothing is due")
