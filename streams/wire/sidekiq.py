"""Sidekiq's formats: positional arguments, and Loomio's GenericWorker, which names a class and a method."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.errors import BadMessage
from streams.job import Job, kind_of
from streams.wire.decoding import UNREADABLE

GENERIC_WORKER = "GenericWorker"

_encode = msgspec.json.Encoder().encode


def generic_call(value: bytes) -> tuple[str, bytes]:
    """What a GenericWorker job calls ("PollService.expire_lapsed_polls"), and its arguments without nulls.

    Raises BadMessage.
    """
    try:
        service, method, *args = msgspec.json.decode(value, type=list[Any])
    except UNREADABLE as error:
        raise BadMessage("GenericWorker takes an array: class, method, then the arguments") from error
    return f"{service}.{method}", _encode([arg for arg in args if arg is not None])


def as_ruby(job: Job) -> dict[str, Any]:
    """The job as in Sidekiq: {"class": …, "args": […]}. A kind that replaces nothing keeps its own name."""
    kind = kind_of(job)
    args = [msgspec.to_builtins(getattr(job, field)) for field in kind.fields]
    defaults = kind.job_class.__struct_defaults__
    while args and len(args) > len(kind.fields) - len(defaults) and args[-1] is None:
        args.pop()
    if not kind.replaces:
        return {"class": kind.name, "args": args}
    service, _, method = kind.replaces[0].partition(".")
    if method:
        return {"class": GENERIC_WORKER, "args": [service, method, *args]}
    return {"class": service, "args": args}
