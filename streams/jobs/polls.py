"""Jobs about polls."""

from datetime import datetime

from streams.job import Job


class FindExpiredPolls(
    Job,
    kind="polls.find_expired",
    key="schedule:polls.close_expired",
    replaces="PollService.expire_lapsed_polls",
):
    """Find polls whose closing time has passed, a page at a time, and enqueue a `ClosePoll` for each.

    `after` is where the previous page ended: the closing time and id of its last poll.
    """

    after: tuple[datetime, int] | None = None


class ClosePoll(Job, kind="polls.close", key="poll:{poll_id}", replaces="CloseExpiredPollWorker"):
    """Close one poll whose closing time has passed."""

    poll_id: int
