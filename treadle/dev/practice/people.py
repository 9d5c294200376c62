"""People and the groups they belong to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from consumers.loomio.people.initials import avatar_initials
from treadle.dev.practice.chance import Chance
from treadle.dev.practice.names import (
    COOPS,
    CULTURES,
    Coop,
    Culture,
)
from treadle.dev.practice.rows import (
    Group,
    Membership,
    Row,
    Subscription,
    User,
)
from treadle.dev.practice.words import LANGUAGES, Language


@dataclass(eq=False)
class Person:
    """A person with an account."""

    id: int
    name: str
    locale: str
    zone: str
    joined_at: datetime
    memberships: int = 0
    deactivated_at: datetime | None = None
    bot: bool = False


@dataclass(frozen=True)
class Member:
    """A person who may vote in a circle from `since` until `left_at`."""

    person: Person
    since: datetime
    volume: int
    guest: bool = False
    left_at: datetime | None = None


@dataclass(eq=False)
class Circle:
    """People who talk and vote together: a group, or those of a direct discussion (no `group_id`)."""

    group_id: int | None
    name: str
    language: str
    founded_at: datetime
    members: list[Member] = field(default_factory=list)
    left: list[Member] = field(default_factory=list)
    pending: int = 0
    admins: int = 0
    delegates: int = 0
    subgroups: int = 0
    discussions: int = 0
    public_discussions: int = 0
    closed_discussions: int = 0
    polls: int = 0
    closed_polls: int = 0

    @property
    def words(self) -> Language:
        return LANGUAGES[self.language]

    def someone(self, chance: Chance, at: datetime) -> Person:
        """A member who had joined by then; the first founder when no one had."""
        return chance.one_of(
            [member for member in self.members if member.since <= at] or self.members[:1]
        ).person


@dataclass(eq=False)
class Organisation:
    """A top group with its subgroups, and the people who take part as guests."""

    circles: list[Circle]
    guests: list[Person]
    rows: list[Row]


def organisation(chance: Chance, number: int, *, members: int, subgroups: int) -> Organisation:
    """The organisation of this number (from 0), with people and memberships."""
    coop = COOPS[number % len(COOPS)]
    repeats = number // len(COOPS)
    name = f"{coop.name} {repeats + 1}" if repeats else coop.name
    founded = chance.ago(timedelta(days=900), timedelta(days=300))
    people = [_person(chance, coop, founded) for _ in range(members)]
    guests = [_person(chance, coop, founded) for _ in range(max(2, members // 10))]
    top = Circle(chance.id(Group), name, coop.language, founded)
    rows: list[Row] = list(_join(chance, top, people))
    circles = [top]
    for index in range(subgroups):
        names = top.words.subgroups
        part = f"{names[index % len(names)]}{'' if index < len(names) else f' {index // len(names) + 1}'}"
        sub = Circle(chance.id(Group), part, coop.language, founded + timedelta(days=20 + index))
        staying = [member.person for member in top.members]
        chosen = [staying[0], *chance.some(staying[1:], min(len(staying) - 1, max(2, members // 2)))]
        rows += _join(chance, sub, chosen)
        circles.append(sub)
    top.subgroups = subgroups
    rows += (user(chance, person) for person in people + guests)
    return Organisation(circles, guests, rows)


def group_rows(chance: Chance, organisation: Organisation) -> Iterator[Row]:
    """The rows of the groups, with their counters; call it when everything else is made."""
    top = organisation.circles[0]
    founder = top.members[0].person
    subscription = Subscription(chance.id(Subscription), "free", founder.id, top.founded_at, top.founded_at)
    yield subscription
    for circle in organisation.circles:
        is_top = circle is top
        full_name = circle.name if is_top else f"{top.name} - {circle.name}"
        yield Group(
            id=circle.group_id or 0,
            name=circle.name,
            full_name=full_name,
            handle=_ascii(full_name, "-"),
            key=chance.key(),
            description=circle.words.about,
            parent_id=None if is_top else top.group_id,
            creator_id=founder.id,
            subscription_id=subscription.id if is_top else None,
            is_visible_to_public=is_top,
            created_at=circle.founded_at,
            updated_at=circle.founded_at,
            memberships_count=len(circle.members) + circle.pending,
            pending_memberships_count=circle.pending,
            admin_memberships_count=circle.admins,
            delegates_count=circle.delegates,
            subgroups_count=circle.subgroups,
            discussions_count=circle.discussions,
            public_discussions_count=circle.public_discussions,
            open_discussions_count=circle.discussions - circle.closed_discussions,
            closed_discussions_count=circle.closed_discussions,
            polls_count=circle.polls,
            closed_polls_count=circle.closed_polls,
        )


def _person(chance: Chance, coop: Coop, founded: datetime) -> Person:
    usual = CULTURES[coop.culture]
    culture = usual if chance.happens(0.6) else chance.one_of(list(CULTURES.values()))
    joined = chance.between(founded - timedelta(days=30), founded)
    return Person(
        chance.id(User), _name(chance, culture), culture.locale, chance.one_of(culture.zones), joined
    )


def _name(chance: Chance, culture: Culture) -> str:
    given, family = chance.one_of(culture.given), chance.one_of(culture.family)
    return f"{family} {given}" if culture.family_first else f"{given} {family}"


def _join(chance: Chance, circle: Circle, people: list[Person]) -> Iterator[Row]:
    """Memberships: the first two people found the circle, a few are only invited, a few have left again."""
    recently = chance.now - timedelta(days=1)
    for index, person in enumerate(people):
        founder = index < 2
        invited_at = circle.founded_at
        if not founder and chance.happens(0.25):
            invited_at = chance.between(circle.founded_at, recently)
        fate = "stays" if index < 3 else chance.weighted(("stays", "pending", "left"), (92, 4, 4))
        accepted_at = (
            None
            if fate == "pending"
            else chance.between(invited_at, min(recently, invited_at + timedelta(days=2)))
        )
        left_at = chance.between(accepted_at, recently) if fate == "left" and accepted_at else None
        delegate = fate == "stays" and chance.happens(0.05)
        volume = chance.weighted((0, 1, 2, 3), (3, 12, 70, 15))
        if left_at and accepted_at:
            circle.left.append(Member(person, accepted_at, volume, left_at=left_at))
            if circle.subgroups == 0 and index % 2:
                person.deactivated_at = left_at
        elif accepted_at:
            circle.members.append(Member(person, accepted_at, volume))
        circle.pending += fate == "pending"
        circle.admins += founder
        circle.delegates += delegate
        person.memberships += left_at is None
        yield Membership(
            id=chance.id(Membership),
            group_id=circle.group_id or 0,
            user_id=person.id,
            inviter_id=None if index == 0 else people[0].id,
            admin=founder,
            delegate=delegate,
            volume=volume,
            token=chance.token(),
            accepted_at=accepted_at,
            revoked_at=left_at,
            revoker_id=people[0].id if left_at else None,
            created_at=invited_at,
            updated_at=left_at or accepted_at or invited_at,
        )


def user(chance: Chance, person: Person) -> User:
    """The row of this person, with the memberships counted so far."""
    username = f"{_ascii(person.name, '') or 'member'}{person.id}"
    email = f"{username}@people.example"
    return User(
        id=person.id,
        name=person.name,
        email=email,
        username=username,
        key=chance.key(),
        avatar_initials=avatar_initials(person.name, email, deactivated=person.deactivated_at is not None),
        time_zone=person.zone,
        selected_locale=person.locale,
        unsubscribe_token=chance.token(),
        email_api_key=chance.token(),
        secret_token=chance.uuid(),
        memberships_count=person.memberships,
        email_verified=not chance.happens(0.05),
        bot=person.bot,
        deactivated_at=person.deactivated_at,
        email_catch_up_day=chance.weighted((None, 7, 8, chance.number(0, 6)), (3, 4, 1, 2)),
        email_on_participation=chance.happens(0.1),
        created_at=person.joined_at,
        updated_at=person.deactivated_at or person.joined_at,
    )


def _ascii(name: str, between: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", between, plain).strip("-")
