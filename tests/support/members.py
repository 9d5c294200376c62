"""Has Kafka forget members of a group that were killed, at once and not when their session is over.

No client can say that for another: it is written to the broker's socket as it is.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

LEAVE_GROUP, VERSION = 13, 3
ANSWER = 10  # seconds


def evict(admin: AdminClient, address: str, group: str, client: str | None = None) -> None:
    """Have all members of the group leave it; or those with this client.id that have no name.

    Who comes back under a name has its place at once. Members by the protocol of KIP-848 stay until their session is
    over: they leave by another request.
    """
    (asked,) = admin.describe_consumer_groups([group]).values()
    members: list[tuple[str, str | None]] = []
    with suppress(KafkaException):  # a group that is not there has no members
        for each in asked.result(ANSWER).members:
            if client is None or (client == each.client_id and not each.group_instance_id):
                members.append((each.member_id, each.group_instance_id))
    if members:
        _ask(address, _leaving(group, members))


def _leaving(group: str, members: list[tuple[str, str | None]]) -> bytes:
    """A request that these leave."""
    head = struct.pack(">hhi", LEAVE_GROUP, VERSION, 1) + _text("tests")
    left = b"".join(_text(member) + _text(instance) for member, instance in members)
    return head + _text(group) + struct.pack(">i", len(members)) + left


def _text(text: str | None) -> bytes:
    if text is None:
        return struct.pack(">h", -1)
    content = text.encode()
    return struct.pack(">h", len(content)) + content


def _ask(address: str, request: bytes) -> None:
    """Send it, and wait for the answer. Whether somebody had left already does not matter."""
    host, _, port = address.split(",")[0].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=ANSWER) as broker:
        broker.sendall(struct.pack(">i", len(request)) + request)
        with broker.makefile("rb") as answer:
            (length,) = struct.unpack(">i", answer.read(4))
            answer.read(length)
