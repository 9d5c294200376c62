"""From envelopes to messages and back: nothing is lost on the way, and nothing wrong gets in."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.envelope import Envelope
from streams.errors import BadMessage
from streams.job import Queue
from streams.message import Received
from streams.moments import epoch_ms
from streams.wire.jobs import MAX_JOB_BYTES, decode_job, encode_job, kind_named, read_job
from tests.support.builders.messages import KINDS, NOW, Count, Greet, a_message, an_envelope
from tests.unit.streams.received import as_received

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
MOMENTS = st.datetimes(NOW.replace(1971, tzinfo=None), NOW.replace(2100, tzinfo=None), timezones=st.just(UTC))
WHOLE_MS = MOMENTS.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
JOBS = st.builds(Greet, TEXTS, st.integers(), st.booleans() | st.none()) | st.builds(
    Count, st.integers(), st.integers() | st.none()
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)
HEADER_NAMES = st.sampled_from(
    [
        *("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "traceparent", "x"),
        *("treadle_queue", "treadle_attempt", "treadle_due", "treadle_failure", "treadle_snoozes"),
    ]
)
KIND_NAMES = st.sampled_from([b"test.greet", b"test.count", b"GreetWorker", b"GenericWorker"])
HEADER_VALUES = st.none() | st.binary(max_size=30) | KIND_NAMES | st.integers().map(lambda n: b"%d" % n)


@given(
    envelope=st.builds(
        Envelope,
        job=JOBS,
        id=NAMES,
        queue=st.sampled_from(Queue),
        source=NAMES,
        time=MOMENTS,
        key=NAMES | st.none(),
        attempt=st.integers(1, 100),
        snoozes=st.integers(0, 200),
        due=WHOLE_MS | st.none(),
        traceparent=NAMES | st.none(),
    )
)
def test_an_envelope_comes_back_as_it_was_sent(envelope: Envelope) -> None:
    message = encode_job(envelope)

    assert decode_job(as_received(message), KINDS) == envelope
    assert message.topic == f"jobs.{envelope.queue.value}"


@given(
    value=st.none() | st.binary(max_size=50) | JSON.map(lambda data: json.dumps(data).encode()),
    headers=st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=12),
    key=st.none() | st.binary(max_size=10),
    timestamp=st.integers(-(2**63), 2**63 - 1),
)
@example(value=b"[" * 100_000, headers=[("ce_type", b"test.greet")], key=None, timestamp=0)
@example(value=b'{"name":' + b"[" * 100_000, headers=[("ce_type", b"test.greet")], key=None, timestamp=0)
@example(value=b"[" * 100_000, headers=[("ce_type", b"GenericWorker")], key=None, timestamp=0)
@example(value=b'{"name":"Ada"}', headers=[("treadle_attempt", None)], key=None, timestamp=0)
def test_whatever_arrives_is_an_envelope_or_a_bad_message(
    value: bytes | None, headers: list[Any], key: bytes | None, timestamp: int
) -> None:
    good = a_message().headers
    for all_headers in (headers, [*good, *headers]):
        received = a_message(value, headers=all_headers, key=key, timestamp=timestamp)

        read: object
        try:
            read = decode_job(received, KINDS)
        except BadMessage as error:
            read = error

        assert isinstance(read, Envelope) or str(read)


@pytest.mark.parametrize(
    ("received", "sentence"),
    [
        (a_message(b"hello"), "test.greet: the value is not JSON: JSON is malformed"),
        (a_message(b"\xff\xfe"), "test.greet: the value is not JSON"),
        (a_message(b'{"name":"\xff"}'), "test.greet: the value is not JSON"),
        (a_message(b""), "test.greet: the value is not JSON: Input data was truncated"),
        (a_message(None), "the message has no value; a job without arguments has {}"),
        (a_message(headers=[]), "header ce_type is missing; a job needs ce_id, ce_type and ce_source"),
        (a_message(headers={"ce_id": None}), "header ce_id is missing"),
        (a_message(headers={"ce_source": None}), "header ce_source is missing"),
        (
            a_message(headers={"ce_specversion": b"0.3"}),
            "ce_specversion is not 1.0, the only version we read",
        ),
        (a_message(headers={"ce_type": b"test.gret"}), "`test.gret`: did you mean `test.greet`?"),
        (a_message(headers={"ce_id": b"\xff"}), "a header cannot be read: 'utf-8'"),
        (
            a_message(headers={"ce_time": b"noon"}),
            "header ce_time cannot be read: 'noon' is not a time",
        ),
        (
            a_message(headers={"treadle_attempt": b"two"}),
            "a header cannot be read: invalid literal for int()",
        ),
        (
            a_message(headers={"treadle_queue": b"slow"}),
            "header treadle_queue names an unknown queue: slow",
        ),
        (a_message(headers={"treadle_due": b"9" * 30}), "a header cannot be read"),
        (a_message(b'{"nam":"Ada"}'), "unknown field `nam`. It takes: name, times, polite"),
        (a_message(b"{}"), "missing required field `name`. It takes: name, times, polite"),
        (a_message(b'{"name":42}'), "test.greet: Expected `str`, got `int` - at `$.name`"),
        (a_message(b'"Ada"'), "test.greet: Expected `object`, got `str`"),
        (a_message(b"[]"), "test.greet: the array has 0 arguments. It takes: name, times, polite"),
        (a_message(b'["Ada",1,true,4]'), "test.greet: the array has 4 arguments"),
        (a_message(b'["Ada","often"]'), "test.greet: Expected `int`, got `str` - at `$.times`"),
        (a_message(b"[" * 100_000), "test.greet: the value is nested too deeply to be read"),
        (
            a_message(b'{"name":"' + b"x" * MAX_JOB_BYTES + b'"}'),
            "the arguments have 1,048,587 bytes; a job may have 1,048,576",
        ),
        (
            a_message(b'{"class":"x"}', headers={"ce_type": b"GenericWorker"}),
            "GenericWorker takes an array: class, method, then the arguments",
        ),
        (
            a_message(b'["CountService"]', headers={"ce_type": b"GenericWorker"}),
            "GenericWorker takes an array",
        ),
    ],
)
def test_a_malformed_message_is_reported_in_a_sentence(received: Received, sentence: str) -> None:
    with pytest.raises(BadMessage) as raised:
        decode_job(received, KINDS)

    assert sentence in str(raised.value)


def test_an_array_is_matched_to_the_fields_in_order() -> None:
    assert read_job(KINDS, "test.greet", b'["Ada", 3, true]')[1] == Greet("Ada", 3, True)
    assert read_job(KINDS, "GreetWorker", b' ["Ada"]')[1] == Greet("Ada")


def test_a_call_by_class_and_method_finds_its_kind_without_its_nulls() -> None:
    kind, job = read_job(KINDS, "GenericWorker", b'["CountService", "count_all", null, 7, null]')

    assert kind.name == "test.count"
    assert job == Count(7)


def test_an_unknown_call_by_class_and_method_is_reported_by_its_name() -> None:
    with pytest.raises(BadMessage, match=r"`CountService.count_al`: did you mean `CountService.count_all`"):
        read_job(KINDS, "GenericWorker", b'["CountService", "count_al", 7]')


def test_headers_that_are_missing_are_taken_from_the_message_itself() -> None:
    bare = a_message(headers={"ce_time": None, "ce_specversion": None}, topic="jobs.high")

    envelope = decode_job(bare, KINDS)

    assert envelope.queue is Queue.HIGH
    assert envelope.time == datetime(2025, 12, 8, 18, 7, tzinfo=UTC)
    assert envelope.attempt == 1
    assert envelope.due is None


def test_a_job_in_a_topic_that_is_not_a_queue_belongs_to_the_queue_of_its_kind() -> None:
    assert decode_job(a_message(topic="retry.5s"), KINDS).queue is Queue.LOW


@pytest.mark.parametrize(
    ("text", "attempt", "snoozes"),
    [
        (b"-1000000", 1, 0),
        (b"0", 1, 0),
        (b"7", 7, 7),
        (b"", 1, 0),
        (b"9" * 4_000, 2**31 - 1, 2**31 - 1),
    ],
)
def test_no_header_gives_a_job_more_attempts_than_its_policy(text: bytes, attempt: int, snoozes: int) -> None:
    envelope = decode_job(a_message(headers={"treadle_attempt": text, "treadle_snoozes": text}), KINDS)

    assert (envelope.attempt, envelope.snoozes) == (attempt, snoozes)


def test_a_time_without_a_time_zone_is_utc() -> None:
    assert decode_job(a_message(headers={"ce_time": b"2025-12-08T18:07:00"}), KINDS).time == NOW


def test_a_scheduled_job_carries_its_due_moment_in_epoch_milliseconds_and_its_queue() -> None:
    headers = dict(encode_job(an_envelope(due=NOW + timedelta(seconds=1, milliseconds=5))).headers)

    assert headers["treadle_due"] == b"1765217221005"
    assert headers["treadle_queue"] == b"low"


def test_what_goes_out_is_cloudevents_in_binary_mode() -> None:
    headers = dict(encode_job(an_envelope()).headers)

    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"test.greet"
    assert headers["ce_source"] == b"/test"
    assert headers["ce_time"] == b"2025-12-08T18:07:00+00:00"


def test_a_job_over_the_limit_is_not_sent() -> None:
    with pytest.raises(BadMessage, match="a job may have 1,048,576"):
        encode_job(an_envelope(Greet("x" * MAX_JOB_BYTES)))


def test_a_job_just_at_the_limit_is_read_and_written() -> None:
    job = Greet("x" * (MAX_JOB_BYTES - len('{"name":""}')))

    message = encode_job(an_envelope(job))

    assert len(message.value or b"") == MAX_JOB_BYTES
    assert decode_job(as_received(message), KINDS).job == job


def test_a_due_moment_survives_the_wire_and_is_never_made_earlier() -> None:
    message = encode_job(an_envelope(due=NOW + timedelta(microseconds=1_001)))

    assert decode_job(as_received(message), KINDS).due == NOW + timedelta(milliseconds=2)
    assert message.due == epoch_ms(NOW) + 2


def test_arguments_that_are_encoded_already_are_sent_as_they_are() -> None:
    assert encode_job(an_envelope(), b'{"name": "Ada"}').value == b'{"name": "Ada"}'


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        (b"test.greet", None, "test.greet"),
        (b"GreetWorker", b"", "test.greet"),
        (b"GenericWorker", b'["CountService", "count_all", 7]', "test.count"),
        (b"GenericWorker", b"hello", None),
        (b"GenericWorker", None, None),
        (b"test.gret", b"{}", None),
        (b"\xff", b"{}", None),
    ],
)
def test_the_kind_of_a_message_is_known_without_its_arguments_being_valid(
    name: bytes, value: bytes | None, kind: str | None
) -> None:
    found = kind_named(KINDS, name, value)

    assert (found.name if found else None) == kind
