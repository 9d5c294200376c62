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
    """Give the items of a thread their parents, positions and counters anew."""

    discussion_id: int
