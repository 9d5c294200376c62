"""From events and ticks to messages and back."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.errors import BadMessage
from streams.event import Event
from streams.tick import Tick
from streams.wire.facts import decode_fact, encode_event, encode_tick
from tests.support.builders.messages import a_fact, a_tick

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=8,
)


@given(value=st.none() | st.binary(max_size=50) | JSON.map(msgspec.json.encode))
@example(value=b"[" * 100_000)
@example(value=b'{"id":1,"kind":"\xff"}')
@example(value=b'{"custom_fields":' + b'{"a":' * 100_000)
def test_whatever_arrives_is_a_fact_or_a_bad_message(value: bytes | None) -> None:
    for topic in ("loomio.events", "treadle.ticks"):
        read: object
        try:
            read = decode_fact(topic, value)
        except BadMessage as error:
            read = error

        assert isinstance(read, Event | Tick) or str(read)


def test_a_tick_and_an_event_come_back_as_they_were_sent() -> None:
    tick, event = a_tick(), a_fact(custom_fields={"a": [1, None]}, discussion_id=5)

    assert decode_fact("treadle.ticks", encode_tick(tick).value) == tick
    assert decode_fact("loomio.events", encode_event(event).value) == event


@pytest.mark.parametrize(
    ("where", "key"),
    [
        ({"discussion_id": 1, "poll_id": 2, "group_id": 3}, b"discussion:1"),
        ({"poll_id": 2, "group_id": 3}, b"poll:2"),
        ({"group_id": 3}, b"group:3"),
        ({}, b"poll:42"),
    ],
)
def test_events_are_ordered_by_their_thread_else_their_poll_else_their_group(
    where: dict[str, int], key: bytes
) -> None:
    assert encode_event(a_fact(**where)).key == key
