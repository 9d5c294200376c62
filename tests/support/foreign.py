"""A client that writes what ours cannot: a message one of whose headers has a name that is no UTF-8.

Run as a program of its own, as the compiled part of aiokafka takes no such name: AIOKAFKA_NO_EXTENSIONS=1.
"""

from __future__ import annotations

import asyncio
import sys

from aiokafka import AIOKafkaProducer


class Raw(str):
    """A name whose bytes are others."""

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


async def write(kafka: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        papers = [("ce_id", b"odd"), ("ce_type", b"retry.never"), (Raw("name"), b"")]
        await producer.send_and_wait(topic, b'{"left": "alone"}', headers=papers)
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(write(*sys.argv[1:]))
