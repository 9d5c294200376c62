"""The agents' reactions to one fact, as messages. Pure; `streams/faust/app.py` sends them."""

from __future__ import annotations

from datetime import datetime

import msgspec
import structlog

from streams.agent import Agents
from streams.envelope import children, id_from, seal
from streams.errors import BadMessage
from streams.event import Event
from streams.jobs.agents import React
from streams.message import Message, Received
from streams.tick import Tick
from streams.wire.facts import decode_fact
from streams.wire.failure import failure
from streams.wire.jobs import encode_job
from streams.wire.redrive import dead_letter

log = structlog.get_logger()


def reactions(agents: Agents, received: Received, now: datetime) -> list[Message]:
    """The jobs with which all agents react to a fact; for an agent that fails, a job that runs it again.

    A fact that cannot be read becomes a dead letter. The same fact always leads to the same job ids.
    """
    try:
        fact = decode_fact(received.topic, received.value)
    except BadMessage as error:
        return [dead_letter(received, failure(error, received, now))]
    return [
        message for name in agents.hearing(fact) for message in _reaction(agents, name, fact, received, now)
    ]


def _reaction(
    agents: Agents, name: str, fact: Event | Tick, received: Received, now: datetime
) -> list[Message]:
    cause = id_from(received.topic, str(fact.id), name)
    source = f"/treadle/agents/{name}"
    try:
        jobs = children(agents.react(name, fact), of=cause, source=source, now=now)
        return [encode_job(envelope, value) for envelope, value in jobs]
    except Exception as error:  # the other agents must not wait for this one
        log.warning("reaction_failed", agent=name, topic=received.topic, exc_info=error)
        again = React(agent=name, topic=received.topic, fact=msgspec.to_builtins(fact))
        # Under the id of the cause itself: its children then get the ids that `jobs` would have had.
        try:
            return [encode_job(seal(again, source=source, id=cause, now=now))]
        except BadMessage:  # the fact is too large for a job
            return [dead_letter(received, failure(error, received, now))]
