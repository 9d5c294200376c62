"""Batches of `jobs.lifecycle`: what is not one of them reports nothing, and stops no reader."""

from __future__ import annotations

import pytest

from streams.wire.lifecycle import Batch, Finished, InFlight, decode_batch, encode_batch


def test_a_batch_is_read_as_it_was_written() -> None:
    batch = Batch(
        "host:1",
        [Finished("id-1", "test.greet", "low", 1, "discarded", 1.5, 0.1, "already closed")],
        [InFlight("id-2", "test.greet", "low", 2, 1.0)],
    )

    assert decode_batch(encode_batch(batch).value) == batch


@pytest.mark.parametrize("value", [None, b"", b"{}", b'{"process":"\xff"}', b'{"process":' + b"[" * 100_000])
def test_what_is_not_a_batch_reports_nothing(value: bytes | None) -> None:
    assert decode_batch(value) == Batch("", [])
