"""How a worker is declared: a function that performs one kind of job."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from consumers.context import Context
from streams.errors import ConfigError
from streams.job import Job, kind_of
from streams.policy import LONGEST_WAIT

J = TypeVar("J", bound=Job)
Perform = Callable[[J, Context], None] | Callable[[J, Context], Coroutine[Any, Any, None]]
P = TypeVar("P", bound=Callable[..., Any])


@dataclass(frozen=True)
class Worker:
    """A worker as a consumer sees it. `name` is the kind it performs; see `Workers.worker` for the rest."""

    name: str
    perform: Callable[[Any, Context], Any]
    timeout: timedelta | None = None
    ordered: bool = False
    process: bool = False
    is_async: bool = False


class Workers:
    """The workers of a process, by the kind they perform."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}

    def worker(
        self,
        job_class: type[Job],
        *,
        timeout: timedelta | None = None,
        ordered: bool = False,
        process: bool = False,
    ) -> Callable[[P], P]:
        """Declare the decorated function as the worker of a kind. The function itself is unchanged.

        A plain function runs on a thread and an `async def` on the process's event loop (thousands at a time). With
        `process=True` a plain function runs in a pool of processes: for work that keeps a processor busy.

        `timeout` limits one attempt. An `async` worker is cancelled then. A thread cannot be cancelled: the worker
        sees `ctx.stopping` and should return, and if it does not within a few seconds, its attempt counts as failed.
        With `ordered=True` jobs of one key are performed one at a time, in the order in which they were enqueued.

        It may run twice for one job: a process can be killed after the work is done but before it is recorded.
        `ctx.transaction()` makes the second run harmless for the database.
        """
        name = kind_of(job_class).name

        def declare(perform: P) -> P:
            is_async = inspect.iscoroutinefunction(perform)
            new = Worker(name, perform, timeout, ordered, process, is_async)
            if timeout is not None and not (
                isinstance(timeout, timedelta) and timedelta() < timeout <= LONGEST_WAIT
            ):
                raise ConfigError(f"the worker of {name} takes a timeout such as timedelta(minutes=5)")
            if process and is_async:
                raise ConfigError(f"the worker of {name} is `async`, so it cannot have process=True")
            other = self._workers.setdefault(name, new)
            if other.perform is not perform:
                raise ConfigError(f"two workers for {name}: {_where(other.perform)}, {_where(perform)}")
            return perform

        return declare

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers.values())

    def find(self, name: str) -> Worker | None:
        """The worker of the kind with this name, or None."""
        return self._workers.get(name)


def _where(perform: Callable[..., Any]) -> str:
    return f"{perform.__module__}.{perform.__qualname__}"


declared = Workers()
worker = declared.worker
