"""What performs jobs in a process: all kinds and workers, on Loomio's database if one is set."""

from __future__ import annotations

from collections.abc import Callable

from consumers.attempt.performer import Performer
from consumers.attempt.transactions import NoDatabase, OnceTransactions
from consumers.context import Services
from consumers.worker import declared
from streams.process import logs
from streams.process.tracing import tracer
from treadle.catalogue import load_workers
from treadle.database import engine
from treadle.processes.stdout import keep_lines_whole
from treadle.settings import Settings, read_settings


def make_performer(settings: Settings, connections: int, stopping: Callable[[], bool] = bool) -> Performer:
    """With at most this many database connections; `stopping` says whether the process was asked to stop."""
    kinds = load_workers(settings.workers)
    database = engine(settings.database, pool_size=connections) if settings.database else None
    services = Services(OnceTransactions(database) if database else NoDatabase())
    return Performer(kinds, declared, services, stopping=stopping, tracer=tracer(settings.traces))


def child_performer() -> Performer:
    """The performer of a child in the process pool."""
    settings = read_settings()
    logs.configure(settings.log_level)
    keep_lines_whole()
    return make_performer(settings, connections=1)
