"""Jobs about threads: the items of a discussion, their order and their numbers."""

from streams.job import Job, Queue
from streams.policy import NO_RETRIES


class RepairThread(
    Job,
    kind="threads.repair",
    queue=Queue.LOW,
    key="discussion:{discussion_id}",
    replaces="RepairThreadWorker",
    policy=NO_RETRIES,
):
    """Recompute the parents, positions and counters of a thread's items."""

    discussion_id: int
