"""What is done to keep the search index."""

from consumers.context import Context
from consumers.loomio import search
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
    with ctx.transaction() as db:
        search.reindex_poll(db, job.poll_id)


@worker(ReindexDiscussion)
def reindex_discussion(job: ReindexDiscussion, ctx: Context) -> None:
    with ctx.transaction() as db:
        search.reindex_discussion(db, job.discussion_id)


@worker(ReindexAuthor)
def reindex_author(job: ReindexAuthor, ctx: Context) -> None:
    with ctx.transaction() as db:
        search.reindex_author(db, job.author_id)


@worker(ReindexComment)
def reindex_comment(job: ReindexComment, ctx: Context) -> None:
    with ctx.transaction() as db:
        search.rewrite(db, "Comment", job.comment_id)


@worker(ReindexEverything)
def reindex_everything(job: ReindexEverything, ctx: Context) -> None:
    with ctx.transaction() as db:
        search.reindex_everything(db)
