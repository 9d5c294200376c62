"""Discussions of the practice co-op: a thread of comments and polls, and how far each reader has read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from treadle.dev.practice.chance import Chance
from treadle.dev.practice.items import (
    Item,
    counters,
    number,
    ranges,
)
from treadle.dev.practice.people import Circle, Member
from treadle.dev.practice.polling import MadePoll, make_poll
from treadle.dev.practice.polls import Plan
from treadle.dev.practice.rows import (
    Comment,
    Discussion,
    DiscussionReader,
    Event,
    Row,
    Version,
)

_DAY = timedelta(days=1)


@dataclass
class _Said:
    """The comments of a thread: rows, items, and when the newest one that is not discarded was written."""

    rows: list[Comment] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    newest: datetime | None = None


def discussion(
    chance: Chance, circle: Circle, plans: list[Plan], guests: list[Member], *, comments: int
) -> Iterator[Row]:
    """A discussion in this circle with these polls, guests, and about this many comments."""
    id_ = chance.id(Discussion)
    started_at = min([plan.created_at for plan in plans] or [chance.ago(90 * _DAY, _DAY)])
    started_at = max(started_at - chance.lasting(timedelta(hours=1), 10 * _DAY), circle.founded_at)
    author = circle.someone(chance, started_at)
    words = circle.words
    title = f"{chance.one_of(words.plans).capitalize()} ({words.subgroups[id_ % len(words.subgroups)]})"
    version = Version(
        chance.id(Version), "Discussion", id_, "create", json.dumps({"title": [None, title]}), started_at
    )
    created = Item(
        chance.id(Event),
        "new_discussion",
        ("Discussion", id_),
        author.id,
        started_at,
        started_at,
        version_id=version.id,
    )
    polls = [make_poll(chance, plan, discussion_id=id_, created=created, guests=guests) for plan in plans]
    poll_items = [item for poll in polls for item in poll.items]
    said = _comments(chance, id_, circle, guests, created, poll_items, count=chance.number(0, 2 * comments))
    gaps = frozenset({chance.number(1, 5)}) if chance.happens(0.15) else frozenset[int]()
    ordered = number(created, poll_items + said.items, max_depth=2 if id_ % 3 else 3, gaps=gaps)
    readers = list(_readers(chance, id_, circle, guests, ordered, started_at))
    yield from (row for poll in polls for row in poll.rows)
    yield from said.rows
    yield version
    yield created.row(None)
    yield from (item.row(id_) for item in ordered)
    yield from counters(created, ordered, id_)
    yield from readers
    discarded = not plans and chance.happens(0.08)
    closed = not discarded and not plans and chance.happens(0.2)
    public = circle.group_id is not None and chance.happens(0.15)
    if not discarded:
        circle.discussions += 1
        circle.closed_discussions += closed
        circle.public_discussions += public
    yield Discussion(
        id=id_,
        group_id=circle.group_id,
        author_id=author.id,
        title=title,
        description=f"<p>{words.about}</p>",
        description_format="html",
        key=chance.key(),
        private=not public,
        max_depth=2 if id_ % 3 else 3,
        content_locale=circle.language,
        items_count=len(ordered),
        ranges_string=ranges(item.sequence_id or 0 for item in ordered),
        last_activity_at=_last_activity(started_at, polls, said),
        closed_polls_count=sum(poll.closed for poll in polls),
        anonymous_polls_count=sum(poll.anonymous for poll in polls),
        seen_by_count=sum(reader.last_read_at is not None for reader in readers),
        members_count=len(readers),
        versions_count=1,
        closed_at=chance.now - timedelta(hours=1) if closed else None,
        discarded_at=chance.now - timedelta(hours=2) if discarded else None,
        discarded_by=author.id if discarded else None,
        created_at=started_at,
        updated_at=started_at,
    )


def _comments(
    chance: Chance,
    id_: int,
    circle: Circle,
    guests: list[Member],
    created: Item,
    items: list[Item],
    *,
    count: int,
) -> _Said:
    """Comments in order of time, each in answer to the discussion or to an earlier item."""
    said = _Said()
    people = circle.members + guests
    for at in sorted(chance.between(created.at, chance.now) for _ in range(count)):
        author = chance.one_of([member for member in people if member.since <= at] or people[:1]).person
        before = [item for item in items + said.items if item.added_at < at and item.kind in _ANSWERED]
        parent = chance.one_of(before) if before and chance.happens(0.55) else created
        comment_id = chance.id(Comment)
        discarded = chance.happens(0.03)
        said.rows.append(
            Comment(
                id=comment_id,
                discussion_id=id_,
                user_id=author.id,
                body=f"<p>{chance.one_of(circle.words.remarks)}</p>",
                body_format="html",
                parent_type=parent.eventable[0],
                parent_id=parent.eventable[1],
                discarded_at=at + timedelta(minutes=5) if discarded else None,
                discarded_by=author.id if discarded else None,
                created_at=at,
                updated_at=at,
            )
        )
        said.items.append(
            Item(chance.id(Event), "new_comment", ("Comment", comment_id), author.id, at, at, parent)
        )
        said.newest = said.newest if discarded else at
    return said


_ANSWERED = {"new_comment", "poll_created", "stance_created", "outcome_created"}


def _readers(
    chance: Chance, id_: int, circle: Circle, guests: list[Member], ordered: list[Item], started_at: datetime
) -> Iterator[DiscussionReader]:
    """A reader for about half of the members, and for every guest."""
    for member in circle.members + guests:
        if not member.guest and not chance.happens(0.55):
            continue
        begun_at = max(started_at, member.since)
        seen = [item.sequence_id or 0 for item in ordered[: chance.number(0, len(ordered))]]
        if len(seen) > 3 and chance.happens(0.2):
            del seen[chance.number(0, len(seen) - 2)]
        looked = bool(seen) or chance.happens(0.5)
        yield DiscussionReader(
            id=chance.id(DiscussionReader),
            discussion_id=id_,
            user_id=member.person.id,
            last_read_at=chance.between(begun_at, chance.now) if looked else None,
            read_ranges_string=ranges(seen),
            volume=member.volume,
            token=chance.token(),
            guest=member.guest,
            inviter_id=circle.members[0].person.id if member.guest else None,
            accepted_at=begun_at if member.guest else None,
            created_at=begun_at,
            updated_at=begun_at,
        )


def _last_activity(started_at: datetime, polls: list[MadePoll], said: _Said) -> datetime:
    """As in Loomio: of the votes, only the one updated longest ago counts."""
    stances = [poll.oldest_stance for poll in polls if poll.oldest_stance]
    times = [started_at, *(time for poll in polls for time in poll.activity)]
    times += [said.newest] if said.newest else []
    times += [min(stances)[1]] if stances else []
    return max(times)
