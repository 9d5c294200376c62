"""Rows for tests. Each builder has defaults; a test names only what matters to it."""

from tests.support.builders.loomio import (
    LAST_WEEK,
    a_comment,
    a_discussion,
    a_group,
    a_membership,
    a_poll,
    a_reader,
    a_stance,
    a_user,
    an_event,
    an_item,
    an_outcome,
    every,
    the,
)

__all__ = [
    "LAST_WEEK",
    "a_comment",
    "a_discussion",
    "a_group",
    "a_membership",
    "a_poll",
    "a_reader",
    "a_stance",
    "a_user",
    "an_event",
    "an_item",
    "an_outcome",
    "every",
    "the",
]
