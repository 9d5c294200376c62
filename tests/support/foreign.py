"""A client that writes what ours cannot: a message with a header whose name is not UTF-8.

Run it as a separate process with AIOKAFKA_NO_EXTENSIONS=1: the compiled part of aiokafka does not accept such a name.
"""

from __future__ import annotations

import asyncio
import sys

from aiokafka import AIOKafkaProducer


class Raw(str):
    """A header name that encodes to bytes that are not UTF-8."""

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


async def write(kafka: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        headers = [("ce_id", b"odd"), ("ce_type", b"retry.never"), (Raw("name"), b"")]
        await producer.send_and_wait(topic, b'{"left": "alone"}', headers=headers)
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(write(*sys.argv[1:]))
