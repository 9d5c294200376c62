"""Jobs about threads: the items of a discussion, their order and their numbers."""

from streams.job import Job, Queue


class RepairThread(
    Job,
    kind="threads.repair",
    queue=Queue.LOW,
    key="discussion:{discussion_id}",
    replaces="RepairThreadWorker",
):
    """Give the items of a thread their parents, positions and counters anew."""

    discussion_id: int
