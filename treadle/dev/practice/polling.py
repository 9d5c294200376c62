"""A whole poll of the practice co-op: its rows, and its items in the thread it belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from treadle.dev.practice.ballots import ballot
from treadle.dev.practice.chance import Chance
from treadle.dev.practice.items import Item
from treadle.dev.practice.people import Member
from treadle.dev.practice.polls import Plan, State
from treadle.dev.practice.rows import (
    Event,
    Outcome,
    Poll,
    PollOption,
    Row,
    Stance,
    Version,
)
from treadle.dev.practice.votes import Tally, Vote, ask


@dataclass(frozen=True)
class MadePoll:
    """A poll, and what its discussion needs to know: its items there and its times of activity."""

    rows: list[Row]
    items: list[Item]
    anonymous: bool
    closed: bool
    activity: list[datetime]
    oldest_stance: tuple[datetime, datetime] | None


def make_poll(
    chance: Chance, plan: Plan, *, discussion_id: int | None, created: Item | None, guests: list[Member]
) -> MadePoll:
    """Make the planned poll with its votes. In a thread, give the discussion's id, created event and guests."""
    language = plan.circle.words
    made = ballot(chance, plan.poll_type, language, zone=plan.author.zone, created_at=plan.created_at)
    options = [chance.id(PollOption) for _ in made.options]
    none = plan.poll_type == "poll" and not plan.anonymous
    voting = Vote(chance.id(Poll), plan, made, options, none, Tally.empty(len(options)))
    ask(chance, voting, _voters(chance, plan, guests), plan.circle.left)
    poll = _poll(
        chance, voting, discussion_id, language.titles[plan.poll_type].format(chance.one_of(language.plans))
    )
    versions = list(_versions(chance, poll))
    beginning = Item(
        id=chance.id(Event),
        kind="poll_created",
        eventable=("Poll", poll.id),
        user_id=plan.author.id,
        at=plan.created_at,
        added_at=plan.created_at,
        parent=created,
        version_id=versions[0].id,
    )
    outcome = _outcome(chance, poll, plan)
    items, alone = _events(chance, voting, beginning, outcome, versions[-1].id)
    rows: list[Row] = [poll, *_options(voting), *voting.rows, *versions, *(item.row(None) for item in alone)]
    if outcome:
        rows.append(outcome)
    plan.circle.polls += 1
    plan.circle.closed_polls += plan.closed_at is not None and not plan.discarded
    return MadePoll(
        rows=rows,
        items=items,
        anonymous=plan.anonymous,
        closed=plan.closed_at is not None,
        activity=[plan.created_at, *([outcome.created_at] if outcome else ())],
        oldest_stance=voting.tally.oldest,
    )


def _voters(chance: Chance, plan: Plan, guests: list[Member]) -> list[Member]:
    """All members and guests; half of the members where the poll specifies its voters; no one for a draft."""
    if plan.state is State.DRAFT:
        return []
    if plan.specified_voters_only:
        return chance.some(plan.circle.members, max(1, len(plan.circle.members) // 2))
    return plan.circle.members + guests


def _poll(chance: Chance, voting: Vote, discussion_id: int | None, title: str) -> Poll:
    plan, ballot, tally = voting.plan, voting.ballot, voting.tally
    return Poll(
        id=voting.id,
        poll_type=plan.poll_type,
        title=title,
        details=f"<p>{plan.circle.words.about}</p>",
        details_format="html",
        key=chance.key(),
        author_id=plan.author.id,
        group_id=plan.circle.group_id,
        discussion_id=discussion_id,
        closing_at=plan.closing_at,
        closed_at=plan.closed_at,
        anonymous=plan.anonymous,
        hide_results=plan.hide_results,
        specified_voters_only=plan.specified_voters_only,
        notify_on_closing_soon=chance.number(0, 3),
        multiple_choice=(ballot.most_choices or 1) > 1,
        min_score=ballot.min_score,
        max_score=ballot.max_score,
        minimum_stance_choices=ballot.least_choices,
        maximum_stance_choices=ballot.most_choices,
        dots_per_person=ballot.dots,
        agree_target=ballot.target,
        quorum_pct=plan.quorum_pct,
        show_none_of_the_above=voting.none_of_the_above,
        poll_option_name_format=ballot.option_format,
        custom_fields=ballot.custom_fields,
        content_locale=plan.circle.language,
        stance_counts=json.dumps(tally.total_score),
        voters_count=tally.voters,
        undecided_voters_count=tally.undecided,
        none_of_the_above_count=tally.none_of_the_above,
        versions_count=1 if plan.closed_at is None else 2,
        discarded_at=plan.created_at + timedelta(hours=1) if plan.discarded else None,
        discarded_by=plan.author.id if plan.discarded else None,
        created_at=plan.created_at,
        updated_at=plan.closed_at or plan.created_at,
    )


def _options(voting: Vote) -> Iterator[PollOption]:
    created_at = voting.plan.created_at
    for index, name in enumerate(voting.ballot.options):
        yield PollOption(
            id=voting.options[index],
            poll_id=voting.id,
            name=name,
            icon=name,
            priority=index,
            voter_scores=json.dumps(voting.tally.voter_scores[index]),
            total_score=voting.tally.total_score[index],
            voter_count=voting.tally.voter_count[index],
            created_at=created_at,
            updated_at=created_at,
        )


def _versions(chance: Chance, poll: Poll) -> Iterator[Version]:
    """Loomio's audit trail of the poll: created, and closed."""
    changes: dict[str, list[str | None]] = {"title": [None, poll.title], "poll_type": [None, poll.poll_type]}
    yield Version(chance.id(Version), "Poll", poll.id, "create", json.dumps(changes), poll.created_at)
    if poll.closed_at is not None:
        changes = {"closed_at": [None, poll.closed_at.isoformat(timespec="milliseconds") + "Z"]}
        yield Version(chance.id(Version), "Poll", poll.id, "update", json.dumps(changes), poll.closed_at)


def _outcome(chance: Chance, poll: Poll, plan: Plan) -> Outcome | None:
    if plan.closed_at is None or plan.discarded or not chance.happens(0.5):
        return None
    at = chance.between(plan.closed_at, min(chance.now, plan.closed_at + timedelta(days=3)))
    review = (at + timedelta(days=chance.number(5, 90))).date() if chance.happens(0.3) else None
    statement = f"<p>{plan.circle.words.outcome}</p>"
    return Outcome(chance.id(Outcome), poll.id, plan.author.id, statement, "html", review, at, at)


def _events(
    chance: Chance, voting: Vote, beginning: Item, outcome: Outcome | None, closing_version: int
) -> tuple[list[Item], list[Item]]:
    """The events of a poll: those that are items of its thread, and those that are not."""
    plan = voting.plan
    thread = [beginning] if plan.in_thread else []
    alone = [] if plan.in_thread else [beginning]

    def add(kind: str, eventable: tuple[str, int], user_id: int | None, at: datetime, *, item: bool) -> Item:
        event = Item(chance.id(Event), kind, eventable, user_id, at, at, beginning if item else None)
        (thread if item else alone).append(event)
        return event

    for stance in voting.cast:
        voter = None if plan.anonymous else stance.participant_id
        cast_at = stance.cast_at or stance.created_at
        event = add("stance_created", ("Stance", stance.id), voter, cast_at, item=_shown(plan, stance))
        if plan.hide_results == 2 and plan.closed_at is not None:
            event.added_at = plan.closed_at
    poll, author = ("Poll", voting.id), plan.author.id
    if plan.closing_at is not None and plan.state in (State.LAPSED, State.CLOSED) and not plan.closed_by_hand:
        day_before = (plan.closing_at - timedelta(days=1)).replace(minute=0, second=5)
        add("poll_closing_soon", poll, author, day_before, item=False)
    if plan.closed_at is not None:
        kind = "poll_closed_by_user" if plan.closed_by_hand else "poll_expired"
        closing = add(kind, poll, author, plan.closed_at, item=plan.closed_by_hand and plan.in_thread)
        closing.version_id = closing_version
    if outcome is not None:
        about = ("Outcome", outcome.id)
        add("outcome_created", about, author, outcome.created_at, item=plan.in_thread)
    return thread, alone


def _shown(plan: Plan, stance: Stance) -> bool:
    """Whether the vote is an item: with a reason, and once the results are no longer hidden."""
    if not plan.in_thread or stance.reason is None:
        return False
    if plan.hide_results == 2:
        return plan.closed_at is not None and stance.latest and stance.revoked_at is None
    return True
