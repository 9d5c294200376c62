"""`treadle dead rebuild`: read the store of dead letters from the topics again."""

from __future__ import annotations

from treadle.cli.dead_letters.text import how_many
from treadle.cli.show import people
from treadle.settings import read_settings


def rebuild() -> None:
    """Rebuild the list of dead letters from the topics."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from monitor.dead_letters.request import Selection
    from monitor.dead_letters.select import count
    from treadle.cli.dead_letters.connection import connect

    settings = read_settings()
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} messages read"))
    with Progress(*columns, console=people()) as bar:
        task = bar.add_task("", total=None)
        with (
            connect(settings, rebuild=True, progress=lambda read: bar.advance(task, read)) as connection,
            connection.database.connect() as db,
        ):
            dead = sum(each.dead_letters for each in count(db, Selection()))
    people().print(how_many(dead))
