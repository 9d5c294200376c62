"""Evicts killed members from a group immediately, instead of when their sessions time out.

No client library can do that for another member, so the request is written to the broker's socket.
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
    """Evict all members of the group, or those with this client.id and no name.

    Named members need no eviction: a restarted one gets its partitions back immediately. Members that use KIP-848 stay
    until their session times out, as they leave by another request.
    """
    (asked,) = admin.describe_consumer_groups([group]).values()
    members: list[tuple[str, str | None]] = []
    with suppress(KafkaException):  # a group that does not exist has no members
        for each in asked.result(ANSWER).members:
            if client is None or (client == each.client_id and not each.group_instance_id):
                members.append((each.member_id, each.group_instance_id))
    if members:
        _ask(address, _leaving(group, members))


def _leaving(group: str, members: list[tuple[str, str | None]]) -> bytes:
    """The request by which these members leave."""
    head = struct.pack(">hhi", LEAVE_GROUP, VERSION, 1) + _text("tests")
    left = b"".join(_text(member) + _text(instance) for member, instance in members)
    return head + _text(group) + struct.pack(">i", len(members)) + left


def _text(text: str | None) -> bytes:
    if text is None:
        return struct.pack(">h", -1)
    content = text.encode()
    return struct.pack(">h", len(content)) + content


def _ask(address: str, request: bytes) -> None:
    """Send it and wait for the answer. It does not matter if a member has already left."""
    host, _, port = address.split(",")[0].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=ANSWER) as broker:
        broker.sendall(struct.pack(">i", len(request)) + request)
        with broker.makefile("rb") as answer:
            (length,) = struct.unpack(">i", answer.read(4))
            answer.read(length)
