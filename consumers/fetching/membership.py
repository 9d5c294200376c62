"""How a process belongs to a queue's consumer group: librdkafka's properties for each membership. Pure.

The figures behind the default are in docs/decisions/0011-group-membership.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from streams.errors import ConfigError


class Membership(StrEnum):
    """The ways in which a group shares out partitions."""

    EAGER = "eager"
    """Classic protocol: at every change all members give up all partitions and are assigned a new share."""
    COOPERATIVE = "cooperative"
    """Classic protocol: at a change only the partitions that move are given up."""
    CONSUMER = "consumer"
    """KIP-848: the broker decides, and each member moves at its own pace."""

    @property
    def is_incremental(self) -> bool:
        """Whether partitions are assigned and revoked one by one, rather than all together."""
        return self is not Membership.EAGER


def properties(membership: Membership, static_id: str | None) -> dict[str, Any]:
    """The client's properties. `static_id` names a member that keeps its share over a short absence.

    Raises ConfigError for a named member of a cooperative group. If such a member is killed between the two steps of
    a rebalance, it gets back what it had, no member asks for the second step, and what was to move to it stays idle.
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
    if membership is not Membership.CONSUMER:  # with that one the broker decides both
        chosen |= {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 500}
    if static_id:
        chosen["group.instance.id"] = static_id
    return chosen
