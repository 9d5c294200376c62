"""Workers for jobs about polls."""

from consumers.context import Context
from consumers.loomio import events
from consumers.loomio.polls import closing
from consumers.worker import worker
from streams.errors import Discard
from streams.jobs.events import PublishEvent
from streams.jobs.polls import ClosePoll, FindExpiredPolls
from streams.jobs.search import ReindexPoll

PAGE = 500


@worker(FindExpiredPolls)
def find_expired_polls(job: FindExpiredPolls, ctx: Context) -> None:
    """Enqueue a job for each poll whose closing time has passed."""
    with ctx.transaction() as db:
        page = closing.past_closing(db, at=ctx.now, after=job.after, limit=PAGE)
        ctx.enqueue(*(ClosePoll(poll_id=poll.id) for poll in page))
        if len(page) == PAGE:
            ctx.enqueue(FindExpiredPolls(after=(page[-1].closing_at, page[-1].id)))


@worker(ClosePoll)
def close_poll(job: ClosePoll, ctx: Context) -> None:
    """Close one poll, and record that it has expired. All in one transaction: a crash leaves it open."""
    with ctx.transaction() as db:
        poll = closing.lock(db, job.poll_id)
        if poll.closed_at is not None:
            raise Discard("already closed")
        closing.close(db, poll, at=ctx.now)
        event_id = events.record(db, "poll_expired", "Poll", poll.id, user_id=poll.author_id, at=ctx.now)
        ctx.enqueue(ReindexPoll(poll_id=poll.id), PublishEvent(event_id=event_id))
