"""`treadle jobs`: cancel, run or reschedule one job."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from streams.moments import read_due
from treadle.cli import options
from treadle.cli.show import people
from treadle.cli.visible import visible
from treadle.settings import read_settings

if TYPE_CHECKING:
    from monitor.jobs.override import Answer, JobOverrides

app = typer.Typer(no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.", callback=options.not_empty)]
Within = Annotated[float, typer.Option(min=0.1, help="Seconds to search for the job.")]
Why = Annotated[str, typer.Option(metavar="REASON", help="Why; reported with the job's outcome.")]


@app.callback()
def jobs() -> None:
    """Cancel, run or reschedule one job."""


@app.command()
def cancel(
    job: JobId,
    within: Within = 10,
    by: options.By = None,
    why: Why = "",
    as_json: options.AsJson = False,
) -> None:
    """Cancel a job that waits, and say where it was found.

    A job in flight is not interrupted; it ends before its next attempt, if there is one. Exit code 1: the job has
    already finished or is unknown, and nothing was changed; or someone else changed it meanwhile.
    """
    note = options.note(by, why)
    _answer(job, within, lambda overrides: overrides.cancel(job, note), as_json=as_json)


@app.command("run-now", short_help="Return a waiting job to its queue now.")
def run_now(
    job: JobId,
    within: Within = 10,
    by: options.By = None,
    why: Why = "",
    as_json: options.AsJson = False,
) -> None:
    """Return a scheduled job, or one that waits for a retry, to its queue now.

    Exit code 1: the job no longer waits or is unknown, and nothing was changed; or someone else changed it meanwhile.
    """
    note = options.note(by, why)
    _answer(job, within, lambda overrides: overrides.move(job, None, note), as_json=as_json)


@app.command(short_help="Change when a waiting job is due.")
def reschedule(
    job: JobId,
    delay: Annotated[
        str | None, typer.Option("--in", metavar="DURATION", help="From now: 90s, 5m, 2h, 1d or ISO 8601.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="ISO 8601 with its time zone; a past time means now.")
    ] = None,
    within: Within = 10,
    by: options.By = None,
    why: Why = "",
    as_json: options.AsJson = False,
) -> None:
    """Change when a scheduled job, or one that waits for a retry, is due.

    treadle jobs reschedule 0198f3c2-6f60-7cc4-8a55-8ad2dbf1a2b4 --in 2h

    Exit code 1: the job no longer waits or is unknown, and nothing was changed; or someone else changed it meanwhile.
    """
    if (delay is None) == (at is None):
        raise typer.BadParameter("give --in DURATION or --at TIME", param_hint="--in")
    due = read_due(datetime.now(UTC), delay, at)
    note = options.note(by, why)
    _answer(job, within, lambda overrides: overrides.move(job, due, note), as_json=as_json)


def _answer(job: str, within: float, ask: Callable[[JobOverrides], Answer], *, as_json: bool) -> None:
    with _overrides(within) as overrides:
        answer = ask(overrides)
    if as_json:
        found = {"job": job, "found": answer.where, "detail": answer.detail, "changed": answer.changed}
        json.dump({**found, "done": answer.done}, sys.stdout)
        print()
    else:
        people().print(visible(f"{answer.where} ({answer.detail}): {answer.done}"))
    if not answer.changed:
        sys.exit(1)


@contextmanager
def _overrides(within: float) -> Iterator[JobOverrides]:
    from monitor.jobs.override import JobOverrides
    from streams.kafka.producer import Producer

    settings = read_settings()
    kafka = settings.kafka_properties()
    with closing(Producer(kafka)) as producer:
        yield JobOverrides(kafka, settings.planned_topics(), producer, timedelta(seconds=within))
