"""A job is a piece of work someone wants done: its class names the kind, its fields are the arguments."""

from __future__ import annotations

import difflib
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, dataclass_transform

import msgspec

from streams.errors import ConfigError, UnknownKind
from streams.policy import CRITICAL, USUAL, Policy


class Queue(StrEnum):
    """The five queues, by priority; each has a Kafka topic and a consumer group."""

    CRITICAL = "critical"
    HIGH = "high"
    DEFAULT = "default"
    LOW = "low"
    MAILERS = "mailers"


@dataclass(frozen=True)
class Kind:
    """What is known about a kind of job without performing it.

    `name` is its name on the wire and never changes. `key` is a template for the ordering key, filled from the job's
    fields ("poll:{poll_id}"). `replaces` names the Ruby worker class, or the "Service.method" that Loomio calls
    through its GenericWorker. `policy` says what happens after a failed attempt.
    """

    name: str
    queue: Queue
    key: str | None
    replaces: tuple[str, ...]
    job_class: type[Job]
    policy: Policy = USUAL

    @property
    def fields(self) -> tuple[str, ...]:
        return self.job_class.__struct_fields__

    def key_of(self, job: Job) -> str | None:
        """The ordering key of this job, or None when order does not matter."""
        return self.key and self.key.format(**{name: getattr(job, name) for name in self.fields})


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class _JobMeta(msgspec.StructMeta):
    """Takes `kind=`, `queue=`, `key=`, `replaces=` and `policy=` from the class statement, and checks them."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        kind: str | None = None,
        queue: Queue = Queue.DEFAULT,
        key: str | None = None,
        replaces: str | tuple[str, ...] = (),
        policy: Policy | None = None,
        **config: Any,
    ) -> Any:
        cls: Any = super().__new__(mcls, name, bases, namespace, **config)
        if not bases or bases == (msgspec.Struct,):
            return cls
        if kind is None:
            raise ConfigError(f'{name} needs a kind: class {name}(Job, kind="shop.{name.lower()}")')
        names = (replaces,) if isinstance(replaces, str) else replaces
        usual = CRITICAL if queue is Queue.CRITICAL else USUAL
        cls.__kind__ = Kind(kind, Queue(queue), key, names, cls, policy or usual)
        wanted = {part for _, part, _, _ in string.Formatter().parse(key or "") if part}
        if missing := wanted - set(cls.__struct_fields__):
            raise ConfigError(f"{name}: key {key!r} names fields that the job lacks: {', '.join(missing)}")
        return cls


class Job(msgspec.Struct, metaclass=_JobMeta, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of every job class.

    >>> class Greet(Job, kind="shop.greet", queue=Queue.LOW):
    ...     name: str
    """

    __kind__: ClassVar[Kind]


def kind_of(job: Job | type[Job]) -> Kind:
    """The kind that a job, or a class of jobs, belongs to."""
    return job.__kind__


class Kinds(Mapping[str, Kind]):
    """The kinds known in this process, found by name, Ruby class or "Service.method"."""

    def __init__(self, kinds: list[Kind]) -> None:
        self._kinds = {kind.name: kind for kind in sorted(kinds, key=lambda kind: kind.name)}
        self._names: dict[str, Kind] = {}
        for kind in kinds:
            for name in (kind.name, *kind.replaces):
                other = self._names.setdefault(name, kind)
                if other is not kind:
                    raise ConfigError(
                        f"two job classes claim the name {name!r}: {_where(other)} and {_where(kind)}"
                    )

    @classmethod
    def declared(cls) -> Kinds:
        """Every job class imported so far."""
        return cls([kind_of(job_class) for job_class in _subclasses(Job)])

    def find(self, name: str) -> Kind:
        """The kind with this name or alias. Raises UnknownKind, which suggests a similar name."""
        try:
            return self._names[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._names, n=1)
            hint = f"did you mean `{near[0]}`?" if near else "`treadle kinds` lists the known ones."
            raise UnknownKind(f"no job kind is called `{name}`: {hint}") from None

    def __getitem__(self, name: str) -> Kind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


def _subclasses(cls: type[Job]) -> Iterator[type[Job]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)


def _where(kind: Kind) -> str:
    return f"{kind.job_class.__module__}.{kind.job_class.__qualname__}"
