"""How a worker is declared: a function that performs one kind of job."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from consumers.context import Context
from streams.errors import ConfigError
from streams.job import Job, kind_of

J = TypeVar("J", bound=Job)
Perform = Callable[[J, Context], None]


@dataclass(frozen=True)
class Worker:
    """A worker as the runtime sees it. `name` is the kind it performs."""

    name: str
    perform: Callable[[Any, Context], None]


class Workers:
    """The workers of a process, by the kind they perform."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}

    def worker(self, job_class: type[J]) -> Callable[[Perform[J]], Perform[J]]:
        """Declare the decorated function as the worker of a kind. The function stays as it is.

        It may be run twice for one job: a process can be killed after the work and before it is
        recorded. `ctx.transaction()` makes the second run harmless for the database.
        """
        name = kind_of(job_class).name

        def declare(perform: Perform[J]) -> Perform[J]:
            other = self._workers.setdefault(name, Worker(name, perform))
            if other.perform is not perform:
                raise ConfigError(f"two workers for {name}: {_where(other.perform)}, {_where(perform)}")
            return perform

        return declare

    def find(self, name: str) -> Worker | None:
        """The worker of the kind with this name, or None."""
        return self._workers.get(name)


def _where(perform: Callable[..., Any]) -> str:
    return f"{perform.__module__}.{perform.__qualname__}"


declared = Workers()
worker = declared.worker
