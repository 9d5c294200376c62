"""Messages that anyone may have written: readable, or a BadMessage that says what is wrong."""

from collections.abc import Callable

import pytest

from streams.errors import BadMessage
from streams.overrides.message import decode_override
from streams.wire.audit import decode_audit


@pytest.mark.parametrize(("decode", "what"), [(decode_audit, "audit"), (decode_override, "override")])
@pytest.mark.parametrize(
    "value",
    [b"", b"hello", b"\xff", b"[]", b"{}", b'{"by": "\xff"}', b"[" * 100_000, b'{"x":' + b"[" * 100_000],
)
def test_a_value_that_cannot_be_read_is_a_bad_message(
    decode: Callable[[bytes], object], what: str, value: bytes
) -> None:
    with pytest.raises(BadMessage, match=f"no {what} can be read from this message: "):
        decode(value)
