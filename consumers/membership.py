"""How a process belongs to the group of a queue's consumers: librdkafka's properties for each way. Pure.

The figures behind the default are in docs/decisions/0011-group-membership.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from streams.errors import ConfigError


class Membership(StrEnum):
    """The ways there are to share out a topic's partitions."""

    EAGER = "eager"
    """Classic protocol: at every change all give back everything and get their share anew."""
    COOPERATIVE = "cooperative"
    """Classic protocol: at a change only what moves is given back."""
    CONSUMER = "consumer"
    """KIP-848: the broker decides, and each member moves at its own pace."""

    @property
    def is_incremental(self) -> bool:
        """Whether partitions come and go one by one, rather than all at once."""
        return self is not Membership.EAGER


def properties(membership: Membership, static_id: str | None) -> dict[str, Any]:
    """What to tell the client. `static_id` names a member that keeps its share over a short absence.

    Raises ConfigError for a named member of a cooperative group: killed between the two steps of a rebalance, it
    is given back what it had, nobody asks for the second step, and what was to move to it is idle.
    """
    if static_id and membership is Membership.COOPERATIVE:
        raise ConfigError(
            f"TREADLE_STATIC_MEMBER={static_id} needs TREADLE_GROUP=eager or consumer, for all consumers of a queue:"
            " a cooperative group can leave partitions idle when a named member is killed"
        )
    chosen: dict[str, Any]
    match membership:
        case Membership.EAGER:
            chosen = {"partition.assignment.strategy": "range"}
        case Membership.COOPERATIVE:
            chosen = {"partition.assignment.strategy": "cooperative-sticky"}
        case Membership.CONSUMER:
            chosen = {"group.protocol": "consumer"}
    if membership is not Membership.CONSUMER:  # there the broker has the word on both
        chosen |= {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 500}
    if static_id:
        chosen["group.instance.id"] = static_id
    return chosen
