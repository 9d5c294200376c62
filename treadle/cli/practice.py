"""`treadle practice`: a practice co-op, in its own database on the server of TREADLE_DATABASE."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from treadle.cli.show import people
from treadle.settings import read_settings

app = typer.Typer(help="Create a practice co-op, and drop it again.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of its database.")]


@app.command("create", short_help="Create a practice database, and print its URL.")
def create_practice(
    name: Name = "treadle_practice",
    size: Annotated[str, typer.Option(metavar="SIZE", help="tiny, small, medium or large.")] = "small",
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="The same seed creates the same co-op.")] = 1,
    lapsed: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="NUMBER",
            help="Number of polls past their closing time, instead of the size's own number.",
        ),
    ] = None,
    now: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%SZ"],
            metavar="TIME",
            help="The present moment of the co-op, in UTC: 2026-01-05T12:00:00Z.",
        ),
    ] = None,
) -> None:
    """Create a database with Loomio's tables and a co-op in it, and print its URL."""
    from treadle.dev.practice import SIZES, create

    if size not in SIZES:
        raise typer.BadParameter(f"{size!r} is not one of {', '.join(SIZES)}", param_hint="--size")
    wanted = SIZES[size] if lapsed is None else SIZES[size].with_lapsed(lapsed)
    moment = now.replace(tzinfo=UTC) if now else datetime.now(UTC)
    server = read_settings().database_url()
    with people().status("starting") as status:

        def progress(step: str, rows: int) -> None:
            status.update(f"{step}: {rows:,}" if rows else step)

        url = create(server, name, size=wanted, seed=seed, now=moment, progress=progress)
    print(url)


@app.command("drop")
def drop_practice(name: Name = "treadle_practice") -> None:
    """Drop a practice database. A database that Treadle did not create is refused."""
    from treadle.dev.practice import drop

    existed = drop(read_settings().database_url(), name)
    people().print(f"dropped {name}" if existed else f"there is no database {name}")
