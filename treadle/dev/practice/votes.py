"""The stances of a poll: who was invited, who has voted and how, and the resulting counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from treadle.dev.practice.ballots import Ballot, vote
from treadle.dev.practice.chance import Chance
from treadle.dev.practice.people import Member
from treadle.dev.practice.polls import Plan, State
from treadle.dev.practice.rows import (
    Row,
    Stance,
    StanceChoice,
    StanceReceipt,
)


@dataclass
class Tally:
    """The counts of a poll over its latest stances, as Loomio keeps them; the lists are by option."""

    voter_scores: list[dict[str, int]]
    total_score: list[int]
    voter_count: list[int]
    voters: int = 0
    undecided: int = 0
    none_of_the_above: int = 0
    oldest: tuple[datetime, datetime] | None = None
    """`updated_at` and `created_at` of the latest stance that was updated longest ago."""

    @classmethod
    def empty(cls, options: int) -> Tally:
        return cls([{} for _ in range(options)], [0] * options, [0] * options)

    def add(self, stance: Stance, scores: dict[int, int]) -> None:
        updated = (stance.updated_at, stance.created_at)
        self.oldest = min(self.oldest or updated, updated)
        self.voters += 1
        self.undecided += stance.cast_at is None
        self.none_of_the_above += stance.none_of_the_above
        for option, score in scores.items():
            self.total_score[option] += score
            self.voter_count[option] += 1
            if stance.participant_id is not None:
                self.voter_scores[option][str(stance.participant_id)] = score


@dataclass
class Vote:
    """A poll while its votes are being cast."""

    id: int
    plan: Plan
    ballot: Ballot
    options: list[int]
    none_of_the_above: bool
    tally: Tally
    rows: list[Row] = field(default_factory=list)
    cast: list[Stance] = field(default_factory=list)
    invited: list[tuple[Stance, int]] = field(default_factory=list)
    """The latest stances with the id of their voter, which an anonymous poll forgets when it closes."""


def ask(chance: Chance, poll: Vote, voters: list[Member], left: list[Member]) -> None:
    """Give each voter a stance, and let some of them vote; fills the poll's rows, tally and `cast`.

    Those who have `left` keep a revoked stance.
    """
    plan = poll.plan
    end = min(chance.now, plan.closed_at or plan.closing_at or chance.now)
    turnout = chance.number(35, 95) / 100
    for member in voters:
        asked_at = max(plan.created_at, member.since)
        if asked_at < end:
            _stances(chance, poll, member, asked_at, end, votes=chance.happens(turnout))
    for member in left:
        if member.left_at is not None and plan.created_at < member.left_at < end and member.since < end:
            _stances(
                chance,
                poll,
                member,
                max(plan.created_at, member.since),
                member.left_at,
                votes=chance.happens(0.5),
            )
    if plan.state is State.CLOSED:
        poll.rows.extend(_receipts(chance, poll))


def _stances(
    chance: Chance, poll: Vote, member: Member, asked_at: datetime, end: datetime, *, votes: bool
) -> None:
    """One stance; two when the vote was changed later, of which the second is the latest."""
    cast_at = chance.between(asked_at, end) if votes else None
    if cast_at and end - cast_at > timedelta(hours=1) and chance.happens(0.04):
        _stance(chance, poll, member, asked_at, cast_at, latest=False)
        asked_at = cast_at = chance.between(cast_at + timedelta(minutes=15), end)
    _stance(chance, poll, member, asked_at, cast_at, latest=True)


def _stance(
    chance: Chance, poll: Vote, member: Member, asked_at: datetime, cast_at: datetime | None, *, latest: bool
) -> None:
    plan, person = poll.plan, member.person
    none = cast_at is not None and poll.none_of_the_above and chance.happens(0.1)
    scores = vote(chance, poll.ballot) if cast_at and not none else {}
    speaks = cast_at is not None and (not poll.options or chance.happens(0.3))
    stance = Stance(
        id=chance.id(Stance),
        poll_id=poll.id,
        participant_id=None if plan.anonymous and plan.closed_at else person.id,
        inviter_id=plan.author.id,
        reason=f"<p>{chance.one_of(plan.circle.words.remarks)}</p>" if speaks else None,
        reason_format="html",
        latest=latest,
        cast_at=cast_at,
        revoked_at=member.left_at,
        revoker_id=plan.circle.members[0].person.id if member.left_at else None,
        guest=member.guest,
        volume=member.volume,
        none_of_the_above=none,
        option_scores=json.dumps({str(poll.options[option]): score for option, score in scores.items()}),
        token=chance.token(),
        created_at=asked_at,
        updated_at=cast_at or asked_at,
    )
    poll.rows.append(stance)
    for option, score in scores.items():
        poll.rows.append(
            StanceChoice(
                chance.id(StanceChoice),
                stance.id,
                poll.options[option],
                score,
                stance.updated_at,
                stance.updated_at,
            )
        )
    if latest and member.left_at is None:
        known = stance if not plan.anonymous else stance._replace(participant_id=None)
        poll.tally.add(known, scores)
        if plan.state is State.CLOSED:
            poll.invited.append((stance, person.id))
    if cast_at:
        poll.cast.append(stance)


def _receipts(chance: Chance, poll: Vote) -> Iterator[StanceReceipt]:
    """One per latest stance; it says whether the vote was cast, unless the poll is anonymous without quorum."""
    says_cast = not poll.plan.anonymous or poll.plan.quorum_pct is not None
    closed_at = poll.plan.closed_at or chance.now
    for stance, voter_id in poll.invited:
        yield StanceReceipt(
            id=chance.id(StanceReceipt),
            poll_id=poll.id,
            voter_id=voter_id,
            inviter_id=stance.inviter_id,
            invited_at=stance.created_at,
            vote_cast=stance.cast_at is not None if says_cast else None,
            created_at=closed_at,
            updated_at=closed_at,
        )
