"""`treadle run`: the processes."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from treadle.settings import read_settings

app = typer.Typer(help="Run a process of Treadle's; SIGTERM ends it in order.", no_args_is_help=True)


@app.callback()
def end_before_the_beginning() -> None:
    """Run a process of Treadle's; SIGTERM ends it in order."""
    # Until a process has handlers of its own it has begun nothing, so there is nothing to put in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


@app.command()
def consumer(
    queues: Annotated[
        str | None,
        typer.Option(help="Queues, with their shares if not those of topics.yaml: critical=10,high."),
    ] = None,
    slots: Annotated[int, typer.Option(min=1, help="Jobs at work at once.")] = 20,
    async_limit: Annotated[int, typer.Option(min=1, help="Jobs of `async` workers at work at once.")] = 1_000,
    drain: Annotated[float, typer.Option(min=0, help="Seconds that jobs have to finish after SIGTERM.")] = 25,
    http: Annotated[
        str | None,
        typer.Option(help="Answer /livez, /readyz and /metrics on HOST:PORT.", metavar="HOST:PORT"),
    ] = None,
) -> None:
    """Perform jobs: of all five queues, or of those named.

    SIGTERM drains, a second one leaves at once, SIGTSTP quiets, SIGUSR1 prints threads and jobs at work.
    """
    from treadle.processes import ConsumerOptions, start_consumer

    start_consumer(read_settings(), ConsumerOptions(queues, slots, async_limit, drain, http))


@app.command()
def retries(
    http: Annotated[
        str | None,
        typer.Option(help="Answer /livez, /readyz and /metrics on HOST:PORT.", metavar="HOST:PORT"),
    ] = None,
) -> None:
    """Hold jobs that wait for a retry or for later, and send each home when it is due."""
    from treadle.processes import start_retries

    start_retries(read_settings(), http=http)


@app.command()
def agents() -> None:
    """Answer events and ticks with jobs."""
    from treadle.processes import start_agents

    start_agents(read_settings())


@app.command()
def scheduler(
    ring_now: Annotated[
        bool, typer.Option("--ring-now", help="Ring every schedule once at the start.")
    ] = False,
) -> None:
    """Ring the schedules. Any number may run; each due moment rings once."""
    from treadle.processes import start_scheduler

    start_scheduler(read_settings(), ring_now=ring_now)


@app.command(name="dead-letters")
def dead_letters() -> None:
    """Keep the store of dead letters up to date. One is enough; `treadle dead` catches up without it, too."""
    from treadle.processes import start_dead_letters

    start_dead_letters(read_settings())


@app.command(name="all")
def all_(
    slots: Annotated[int, typer.Option(min=1, help="Jobs at work at once.")] = 20,
    ring_now: Annotated[
        bool, typer.Option("--ring-now", help="Ring every schedule once at the start.")
    ] = False,
) -> None:
    """One small machine: scheduler, agents, consumer and the rest as children, restarted when they die."""
    from treadle.supervise import supervise

    read_settings().kafka_properties()
    supervise(slots=slots, ring_now=ring_now)
