"""`treadle practice`: a co-op to practise on, in a database made for it on the server of TREADLE_DATABASE."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from treadle.cli.show import people
from treadle.practice import SIZES, create, drop
from treadle.settings import read_settings

app = typer.Typer(help="Make a co-op to practise on, and drop it again.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of its database.")]
SizeName = StrEnum("SizeName", list(SIZES))  # type: ignore[misc]  # the names come from the sizes


@app.command("create")
def create_practice(
    name: Name = "treadle_practice",
    size: Annotated[SizeName, typer.Option(help="How large.")] = SizeName("small"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same co-op.")] = 1,
    lapsed: Annotated[
        int | None, typer.Option(min=0, help="Polls past their closing time; without, as the size has.")
    ] = None,
    now: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M:%SZ"], help="The co-op as it stands then (UTC)."),
    ] = None,
) -> None:
    """Make a new database with Loomio's tables and a co-op in it; prints its URL."""
    wanted = SIZES[size]
    if lapsed is not None:
        wanted = wanted.with_lapsed(lapsed)
    at = now.replace(tzinfo=UTC) if now else datetime.now(UTC)
    with people().status("beginning") as status:

        def progress(doing: str, rows: int) -> None:
            status.update(f"{doing}: {rows:,}" if rows else doing)

        url = create(read_settings().database_url(), name, size=wanted, seed=seed, now=at, progress=progress)
    print(url)


@app.command("drop")
def drop_practice(name: Name = "treadle_practice") -> None:
    """Drop the co-op. A database that Treadle did not make is refused."""
    there = drop(read_settings().database_url(), name)
    people().print(f"dropped {name}" if there else f"there is no database {name}")
