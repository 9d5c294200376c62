"""The whole practice co-op as a stream of rows, determined by a size, a seed and a moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from treadle.dev.practice.chance import Chance
from treadle.dev.practice.discussions import discussion
from treadle.dev.practice.people import (
    Circle,
    Member,
    Organisation,
    Person,
    group_rows,
    organisation,
    user,
)
from treadle.dev.practice.polling import make_poll
from treadle.dev.practice.polls import Plan, State, plan
from treadle.dev.practice.rows import Row, User
from treadle.dev.practice.size import Size


def rows(size: Size, *, seed: int, now: datetime) -> Iterator[Row]:
    """All rows of a co-op at the moment `now` (aware). The same arguments give the same rows.

    Rows of different tables are mixed: those with counters (groups, discussions) follow what they count.
    """
    chance = Chance(seed, now.astimezone(UTC).replace(tzinfo=None))
    organisations = [
        organisation(chance, number, members=size.members, subgroups=size.subgroups)
        for number in range(size.organisations)
    ]
    direct = [_direct(chance, each, size.direct_discussions) for each in organisations]
    planned = _plans(chance, size, organisations, direct)
    bot = Person(chance.id(User), "Loomio Helper Bot", "en", "UTC", chance.ago(timedelta(days=900)), bot=True)
    yield user(chance, bot)
    for each, talks in zip(organisations, direct, strict=True):
        yield from each.rows
        for circle in each.circles:
            wanted = max(1, size.discussions // len(each.circles))
            yield from _talk(chance, circle, planned.get(circle, []), each.guests, wanted, size.comments)
        for talk in talks:
            yield from discussion(chance, talk, planned.get(talk, []), [], comments=size.comments)
        yield from group_rows(chance, each)


def _direct(chance: Chance, organisation: Organisation, count: int) -> list[Circle]:
    """The people of the direct discussions: a few of the organisation's, all as guests."""
    talks = []
    for _ in range(count):
        everyone = organisation.circles[0].members
        people = chance.some(everyone, min(len(everyone), 4))
        since = chance.ago(timedelta(days=60), timedelta(days=40))
        talk = Circle(None, "", organisation.circles[0].language, since)
        talk.members = [Member(member.person, since, 2, guest=True) for member in people]
        talks.append(talk)
    return talks


def _plans(
    chance: Chance, size: Size, organisations: list[Organisation], direct: list[list[Circle]]
) -> dict[Circle, list[Plan]]:
    """All polls, by their circle: mostly a top group, often a subgroup, sometimes a direct discussion."""
    circles: list[Circle] = []
    weights: list[int] = []
    for each, talks in zip(organisations, direct, strict=True):
        circles += [*each.circles, *talks]
        weights += [6, *[2] * (len(each.circles) - 1), *[1] * len(talks)]
    planned: dict[Circle, list[Plan]] = {}
    wanted = {
        State.OPEN: size.open,
        State.CLOSING_SOON: size.closing_soon,
        State.LAPSED: size.lapsed,
        State.CLOSED: size.closed,
    }
    for state, count in wanted.items():
        for number in range(count):
            circle = chance.weighted(circles, weights)
            real = State.DRAFT if state is State.OPEN and number % 12 == 5 else state
            planned.setdefault(circle, []).append(plan(chance, real, number, circle))
    return planned


def _talk(
    chance: Chance, circle: Circle, plans: list[Plan], guests: list[Person], wanted: int, comments: int
) -> Iterator[Row]:
    """The discussions and polls of one group; about a third of the discussions have guests."""
    threads: list[list[Plan]] = [[] for _ in range(wanted)]
    for planned in plans:
        if planned.in_thread:
            chance.one_of(threads).append(planned)
        else:
            yield from make_poll(chance, planned, discussion_id=None, created=None, guests=[]).rows
    for thread in threads:
        visiting = chance.some(guests, 2) if chance.happens(0.3) else []
        visitors = [Member(person, circle.founded_at, 2, guest=True) for person in visiting]
        yield from discussion(chance, circle, thread, visitors, comments=comments)
