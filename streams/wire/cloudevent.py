"""The CloudEvents 1.0 headers (Kafka protocol binding, binary mode) of jobs, events and ticks."""

from __future__ import annotations

from datetime import datetime

from streams.headers import ID, SOURCE, SPEC_VERSION, TIME, TYPE
from streams.message import Headers


def cloudevent(id_: str, type_: str, source: str, time: datetime) -> Headers:
    """The headers for this id, type (kind), source (cause) and time."""
    return [
        (SPEC_VERSION, b"1.0"),
        (ID, id_.encode()),
        (TYPE, type_.encode()),
        (SOURCE, source.encode()),
        (TIME, time.isoformat().encode()),
    ]
