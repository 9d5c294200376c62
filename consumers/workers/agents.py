"""Workers about agents."""

import msgspec

from consumers.context import Context
from consumers.worker import worker
from streams.agent import declared
from streams.codec import decode_fact
from streams.jobs.agents import React


@worker(React)
def react(job: React, ctx: Context) -> None:
    """Have an agent react to a fact; the jobs that follow get the ids they would have had at once."""
    fact = decode_fact(job.topic, msgspec.json.encode(job.fact))
    ctx.enqueue(*declared.react(job.agent, fact))
