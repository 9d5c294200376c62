"""`treadle practice`: a co-op to practise on, in a database made for it on the server of TREADLE_DATABASE."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from treadle.cli.show import people
from treadle.settings import read_settings

app = typer.Typer(help="Make a co-op to practise on, and drop it again.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of its database.")]


@app.command("create")
def create_practice(
    name: Name = "treadle_practice",
    size: Annotated[str, typer.Option(help="tiny, small, medium or large.")] = "small",
    seed: Annotated[int, typer.Option(help="The same seed gives the same co-op.")] = 1,
    lapsed: Annotated[
        int | None, typer.Option(min=0, help="Polls past their closing time, instead of the size's.")
    ] = None,
    now: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%SZ"], help="The moment it shows, in UTC.")
    ] = None,
) -> None:
    """Make a new database with Loomio's tables and a co-op in it; prints its URL."""
    from treadle.practice import SIZES, create

    if size not in SIZES:
        raise typer.BadParameter(f"{size!r} is none of {', '.join(SIZES)}", param_hint="--size")
    wanted = SIZES[size] if lapsed is None else SIZES[size].with_lapsed(lapsed)
    moment = now.replace(tzinfo=UTC) if now else datetime.now(UTC)
    server = read_settings().database_url()
    with people().status("beginning") as status:

        def progress(doing: str, rows: int) -> None:
            status.update(f"{doing}: {rows:,}" if rows else doing)

        url = create(server, name, size=wanted, seed=seed, now=moment, progress=progress)
    print(url)


@app.command("drop")
def drop_practice(name: Name = "treadle_practice") -> None:
    """Drop the co-op. A database that Treadle did not make is refused."""
    from treadle.practice import drop

    there = drop(read_settings().database_url(), name)
    people().print(f"dropped {name}" if there else f"there is no database {name}")
