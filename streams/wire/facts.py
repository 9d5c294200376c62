"""From events and ticks to the messages that carry them, and back."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from streams.event import Event
from streams.message import Message
from streams.tick import Tick
from streams.topics import EVENTS, TICKS
from streams.wire.cloudevent import cloudevent
from streams.wire.decoding import read_json

_encode = msgspec.json.Encoder().encode


def encode_event(event: Event) -> Message:
    """The message on `loomio.events` that carries this event."""
    headers = cloudevent(str(event.id), event.kind, "/loomio/events", event.created_at)
    return Message(EVENTS, event.key.encode(), _encode(event), headers)


def encode_tick(tick: Tick) -> Message:
    """The message on `treadle.ticks` that carries this tick."""
    headers = cloudevent(tick.id, tick.schedule, "/treadle/scheduler", tick.due_at)
    return Message(TICKS, tick.schedule.encode(), _encode(tick), headers)


def decode_fact(topic: str, value: bytes | None) -> Event | Tick:
    """The event or tick in a message of its topic. Raises BadMessage."""
    wanted: type[Event] | type[Tick] = Event if topic == EVENTS else Tick
    fact: Event | Tick = read_json(_decoder(wanted), value, wanted.__name__.lower())
    return fact


@cache
def _decoder(fact: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(fact)
