"""Jobs that rewrite rows of the search index."""

from streams.job import Job


class ReindexPoll(
    Job, kind="search.reindex_poll", key="search:poll:{poll_id}", replaces="SearchService.reindex_by_poll_id"
):
    """Rewrite the search rows of a poll, its stances and its outcomes."""

    poll_id: int


class ReindexDiscussion(
    Job,
    kind="search.reindex_discussion",
    key="search:discussion:{discussion_id}",
    replaces="SearchService.reindex_by_discussion_id",
):
    """Rewrite the search rows of a thread: the discussion, and all that was said and voted in it."""

    discussion_id: int


class ReindexAuthor(
    Job,
    kind="search.reindex_author",
    key="search:author:{author_id}",
    replaces="SearchService.reindex_by_author_id",
):
    """Rewrite the search rows of everything one person wrote."""

    author_id: int


class ReindexComment(
    Job,
    kind="search.reindex_comment",
    key="search:comment:{comment_id}",
    replaces="SearchService.reindex_by_comment_id",
):
    """Rewrite the search row of one comment."""

    comment_id: int


class ReindexEverything(
    Job,
    kind="search.reindex_everything",
    key="search:everything",
    replaces="SearchService.reindex_everything",
):
    """Rewrite the search rows of the whole database."""
