"""Workers for jobs that keep the search index up to date."""

from consumers.context import Context
from consumers.loomio.search import index
from consumers.worker import worker
from streams.jobs.search import (
    ReindexAuthor,
    ReindexComment,
    ReindexDiscussion,
    ReindexEverything,
    ReindexPoll,
)


@worker(ReindexPoll)
def reindex_poll(job: ReindexPoll, ctx: Context) -> None:
    """Rebuild the search rows of a poll, its stances and its outcomes."""
    with ctx.transaction() as db:
        index.reindex_poll(db, job.poll_id)


@worker(ReindexDiscussion)
def reindex_discussion(job: ReindexDiscussion, ctx: Context) -> None:
    """Rebuild the search rows of a discussion and of everything in it."""
    with ctx.transaction() as db:
        index.reindex_discussion(db, job.discussion_id)


@worker(ReindexAuthor)
def reindex_author(job: ReindexAuthor, ctx: Context) -> None:
    """Rebuild the search rows of everything one person wrote."""
    with ctx.transaction() as db:
        index.reindex_author(db, job.author_id)


@worker(ReindexComment)
def reindex_comment(job: ReindexComment, ctx: Context) -> None:
    """Rebuild the search row of a comment."""
    with ctx.transaction() as db:
        index.rewrite(db, "Comment", job.comment_id)


@worker(ReindexEverything)
def reindex_everything(job: ReindexEverything, ctx: Context) -> None:
    """Rebuild the whole search index."""
    with ctx.transaction() as db:
        index.reindex_everything(db)
