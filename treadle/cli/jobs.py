"""`treadle jobs`: what a person may do about one job."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from streams.later import read_due
from treadle.cli import dead_options as options
from treadle.cli.show import people
from treadle.settings import read_settings
from treadle.visible import visible

if TYPE_CHECKING:
    from treadle.ordering import Answer, Desk

app = typer.Typer(help="What a person may do about one job.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.", callback=options.not_empty)]
Within = Annotated[float, typer.Option(min=0.1, help="Seconds to look for the job.")]
Why = Annotated[str, typer.Option(help="Why; is told with what becomes of the job.")]


@app.callback()
def jobs() -> None:
    """What a person may do about one job."""


@app.command()
def cancel(
    job: JobId,
    within: Within = 10,
    by: options.By = None,
    why: Why = "",
    as_json: options.AsJson = False,
) -> None:
    """Have a job that waits end as cancelled, and say where it was found.

    One that is running is not interrupted; it ends before its next attempt, if it comes to one. Exit code 1: it is
    already finished, or unknown, and nothing is ordered; or somebody ordered otherwise meanwhile, which is told.
    """
    note = options.note(by, why)
    _answer(job, within, lambda desk: desk.cancel(job, note), as_json=as_json)


@app.command("run-now")
def run_now(
    job: JobId,
    within: Within = 10,
    by: options.By = None,
    why: Why = "",
    as_json: options.AsJson = False,
) -> None:
    """Have a job that waits for a retry or for later go to its queue now.

    Exit code 1: it waits no more, or is unknown, and nothing is ordered; or somebody ordered otherwise meanwhile, which
    is told.
    """
    note = options.note(by, why)
    _answer(job, within, lambda desk: desk.move(job, None, note), as_json=as_json)


@app.command()
def reschedule(
    job: JobId,
    delay: Annotated[
        str | None, typer.Option("--in", metavar="DURATION", help="From now: 90s, 5m, 2h, 1d or ISO 8601.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="ISO 8601 with its zone; a past time means now.")
    ] = None,
    within: Within = 10,
    by: options.By = None,
    why: Why = "",
    as_json: options.AsJson = False,
) -> None:
    """Have a job that waits for a retry or for later be due at another moment, sooner or later.

    treadle jobs reschedule 0198f3c2-6f60-7cc4-8a55-8ad2dbf1a2b4 --in 2h

    Exit code 1: it waits no more, or is unknown, and nothing is ordered; or somebody ordered otherwise meanwhile, which
    is told.
    """
    if (delay is None) == (at is None):
        raise typer.BadParameter("say --in DURATION or --at TIME", param_hint="--in")
    due = read_due(datetime.now(UTC), delay, at)
    note = options.note(by, why)
    _answer(job, within, lambda desk: desk.move(job, due, note), as_json=as_json)


def _answer(job: str, within: float, ask: Callable[[Desk], Answer], *, as_json: bool) -> None:
    with _desk(within) as desk:
        answer = ask(desk)
    if as_json:
        found = {"job": job, "found": answer.where, "told": answer.told, "ordered": answer.ordered}
        json.dump({**found, "done": answer.done}, sys.stdout)
        print()
    else:
        people().print(visible(f"{answer.where} ({answer.told}): {answer.done}"))
    if not answer.ordered:
        sys.exit(1)


@contextmanager
def _desk(within: float) -> Iterator[Desk]:
    from streams.producer import Producer
    from treadle.ordering import Desk

    settings = read_settings()
    kafka = settings.kafka_properties()
    producer = Producer(kafka)
    try:
        yield Desk(kafka, settings.planned_topics(), producer, timedelta(seconds=within))
    finally:
        producer.close()
