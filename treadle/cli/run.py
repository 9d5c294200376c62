"""`treadle run`: runs a process."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from treadle.settings import read_settings

app = typer.Typer(no_args_is_help=True)

Slots = Annotated[int, typer.Option(min=1, help="Maximum concurrent jobs of plain workers.")]
RunNow = Annotated[bool, typer.Option("--run-now", help="Also fire every schedule once at the start.")]
Http = Annotated[
    str | None,
    typer.Option(help="Serve /livez, /readyz and /metrics on HOST:PORT.", metavar="HOST:PORT"),
]
_SLOTS = 20


@app.callback()
def shut_down_before_the_start() -> None:
    """Run one Treadle process. SIGTERM shuts it down gracefully."""
    # Until a process has handlers of its own it has begun nothing that it would have to finish.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


@app.command()
def consumer(
    queues: Annotated[
        str | None,
        typer.Option(
            help="Queues to serve, with weights that replace those of topics.yaml: critical=10,high."
        ),
    ] = None,
    slots: Slots = _SLOTS,
    async_limit: Annotated[
        int, typer.Option(min=1, help="Maximum concurrent jobs of `async` workers.")
    ] = 1_000,
    drain: Annotated[
        float, typer.Option(min=0, help="Seconds that jobs in flight have to finish after SIGTERM.")
    ] = 25,
    http: Http = None,
) -> None:
    """Perform jobs from all five queues, or from those named.

    On SIGTERM it drains; on a second one it stops immediately. On SIGTSTP it takes no more jobs. On SIGUSR1 it prints
    every thread's stack and the attempts in flight.
    """
    from treadle.processes.consumer import ConsumerOptions, start_consumer

    start_consumer(read_settings(), ConsumerOptions(queues, slots, async_limit, drain, http))


@app.command(short_help="Return retries and scheduled jobs to their queues when due.")
def retries(http: Http = None) -> None:
    """Hold retries and scheduled jobs, and return each to its queue when it is due."""
    from treadle.processes.retries import start_retries

    start_retries(read_settings(), http=http)


@app.command()
def agents() -> None:
    """Run the agents, which turn events and ticks into jobs."""
    from treadle.processes.agents import start_agents

    start_agents(read_settings())


@app.command()
def scheduler(run_now: RunNow = False) -> None:
    """Fire the schedules. Any number may run; each due moment fires once."""
    from treadle.processes.scheduler import start_scheduler

    start_scheduler(read_settings(), run_now=run_now)


@app.command(name="dead-letters")
def dead_letters() -> None:
    """Keep the store of dead letters up to date. One process is enough.

    `treadle dead` works without it, too: each command catches up first.
    """
    from treadle.processes.dead_letters import start_dead_letters

    start_dead_letters(read_settings())


@app.command(name="all", short_help="Run everything on one small machine.")
def all_(slots: Slots = _SLOTS, run_now: RunNow = False) -> None:
    """Run everything on one small machine, each process as a child that is restarted when it dies."""
    from treadle.processes.supervise import supervise

    read_settings().kafka_properties()
    supervise(slots=slots, run_now=run_now)
