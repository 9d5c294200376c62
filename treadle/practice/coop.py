"""The whole practice co-op as a stream of rows, made from nothing but a size, a seed and a moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from treadle.practice.chance import Chance
from treadle.practice.discussions import discussion
from treadle.practice.people import Circle, Member, Organisation, Person, group_rows, organisation, user
from treadle.practice.polling import make
from treadle.practice.polls import Plan, State, plan
from treadle.practice.rows import Row, User
from treadle.practice.size import Size


def rows(size: Size, *, seed: int, now: datetime) -> Iterator[Row]:
    """All rows of a co-op as it stands at `now` (aware). The same arguments give the same rows.

    Rows of different tables come mixed: what counts others (groups, discussions) follows what it counts.
    """
    chance = Chance(seed, now.astimezone(UTC).replace(tzinfo=None))
    organisations = [
        organisation(chance, number, members=size.members, subgroups=size.subgroups)
        for number in range(size.organisations)
    ]
    direct = [_direct(chance, made, size.direct_discussions) for made in organisations]
    planned = _plans(chance, size, organisations, direct)
    bot = Person(chance.id(User), "Loomio Helper Bot", "en", "UTC", chance.ago(timedelta(days=900)), bot=True)
    yield user(chance, bot)
    for made, talks in zip(organisations, direct, strict=True):
        yield from made.rows
        for circle in made.circles:
            wanted = max(1, size.discussions // len(made.circles))
            yield from _talk(chance, circle, planned.get(circle, []), made.guests, wanted, size.comments)
        for talk in talks:
            yield from discussion(chance, talk, planned.get(talk, []), [], comments=size.comments)
        yield from group_rows(chance, made)


def _direct(chance: Chance, made: Organisation, count: int) -> list[Circle]:
    """The people of the direct discussions: a few from the organisation, all of them as guests."""
    talks = []
    for _ in range(count):
        people = chance.some(made.circles[0].members, min(len(made.circles[0].members), 4))
        since = chance.ago(timedelta(days=60), timedelta(days=40))
        talk = Circle(None, "", made.circles[0].language, since)
        talk.members = [Member(member.person, since, 2, guest=True) for member in people]
        talks.append(talk)
    return talks


def _plans(
    chance: Chance, size: Size, organisations: list[Organisation], direct: list[list[Circle]]
) -> dict[Circle, list[Plan]]:
    """All polls, by the circle each is for: mostly a top group, often a subgroup, now and then a talk."""
    circles: list[Circle] = []
    weights: list[int] = []
    for made, talks in zip(organisations, direct, strict=True):
        circles += [*made.circles, *talks]
        weights += [6, *[2] * (len(made.circles) - 1), *[1] * len(talks)]
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
            yield from make(chance, planned, discussion_id=None, created=None, guests=[]).rows
    for thread in threads:
        visiting = chance.some(guests, 2) if chance.happens(0.3) else []
        visitors = [Member(person, circle.founded_at, 2, guest=True) for person in visiting]
        yield from discussion(chance, circle, thread, visitors, comments=comments)
