"""Workers for jobs about threads."""

import structlog

from consumers.context import Context
from consumers.loomio.threads import repairing
from consumers.worker import worker
from streams.jobs.threads import RepairThread

log = structlog.get_logger()


@worker(RepairThread)
def repair_thread(job: RepairThread, ctx: Context) -> None:
    """Repair a thread. One that no longer exists needs no repair."""
    with ctx.transaction() as db:
        broken = repairing.repair(db, job.discussion_id, at=ctx.now)
    if broken:
        log.warning("items_without_eventable", discussion_id=job.discussion_id, event_ids=sorted(broken))
