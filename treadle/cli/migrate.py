"""`treadle migrate`: brings Treadle's own tables up to date."""

from typing import Annotated

import typer

from treadle.cli.show import people
from treadle.settings import read_settings


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what is pending.")] = False,
) -> None:
    """Bring Treadle's own tables (schema treadle) up to date. Safe to repeat."""
    from treadle.migrations import upgrade

    revisions = upgrade.migrate(read_settings().database_url(), dry_run=dry_run)
    for revision in revisions:
        print(revision)
    if not revisions:
        people().print("nothing to migrate")
