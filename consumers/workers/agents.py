"""Workers for jobs about agents."""

import msgspec

from consumers.context import Context
from consumers.worker import worker
from streams.agent import declared
from streams.jobs.agents import React
from streams.wire.facts import decode_fact


@worker(React)
def react(job: React, ctx: Context) -> None:
    """Have an agent react to a fact; the jobs that follow get the same ids as from an immediate reaction."""
    fact = decode_fact(job.topic, msgspec.json.encode(job.fact))
    ctx.enqueue(*declared.react(job.agent, fact))
