"""`treadle jobs`: what a person may do about one job."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import uuid4

import typer

from streams.orders import Order, encode_order, forget
from treadle.cli import dead_options as options
from treadle.cli.show import people
from treadle.settings import read_settings

app = typer.Typer(help="What a person may do about one job.", no_args_is_help=True)


@app.callback()
def jobs() -> None:
    """What a person may do about one job."""


@app.command()
def cancel(
    job: Annotated[str, typer.Argument(help="The job's id.")],
    within: Annotated[float, typer.Option(min=0.1, help="Seconds to look for the job.")] = 10,
    by: options.By = None,
    why: Annotated[str, typer.Option(help="Why; goes into the job's outcome.")] = "",
    as_json: options.AsJson = False,
) -> None:
    """Have a job that waits end as cancelled, and say where it was found.

    One that is running is not interrupted; it ends before its next attempt, if it comes to one. Exit code 1: it is
    already finished, or unknown; then nothing is ordered.
    """
    from streams.producer import Producer
    from treadle.finding_jobs import Where, find_job

    settings = read_settings()
    kafka, topics = settings.kafka_properties(), settings.planned_topics()
    order = Order("cancel", str(uuid4()), options.note(by, why).by, datetime.now(UTC), why)
    producer = Producer(kafka)
    try:
        producer.send([encode_order(job, order)])  # before we look: what starts from now on hears of it
        where, told = find_job(kafka, topics, job, timedelta(seconds=within))
        ordered = where in (Where.WAITING, Where.RUNNING) or told == "cancelled"
        if not ordered:
            producer.send([forget(job)])
    finally:
        producer.close()
    if as_json:
        json.dump({"job": job, "found": where, "told": told, "ordered": ordered}, sys.stdout)
        print()
    else:
        people().print(f"{where} ({told}): {'it is ordered to end' if ordered else 'nothing is ordered'}")
    if not ordered:
        sys.exit(1)
