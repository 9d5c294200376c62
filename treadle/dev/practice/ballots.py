"""The options and the votes of a poll, for each of Loomio's nine poll types."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from treadle.dev.practice.chance import Chance
from treadle.dev.practice.words import Language

POLL_TYPES = (
    "proposal",
    "poll",
    "count",
    "score",
    "dot_vote",
    "ranked_choice",
    "meeting",
    "check",
    "question",
)
_NAMED = {"proposal": ("agree", "abstain", "disagree"), "count": ("yes", "no"), "check": ("yes", "no")}


@dataclass(frozen=True)
class Ballot:
    """The options of a poll and the limits of a vote on it; None where the type has no such limit."""

    poll_type: str
    options: tuple[str, ...]
    option_format: str = "plain"
    min_score: int | None = None
    max_score: int | None = None
    least_choices: int | None = None
    most_choices: int | None = None
    dots: int | None = None
    target: int | None = None
    custom_fields: str = "{}"


def ballot(chance: Chance, poll_type: str, language: Language, *, zone: str, created_at: datetime) -> Ballot:
    """A ballot of this type, with options in this language; those of a meeting are moments, shown in `zone`."""
    if poll_type in _NAMED:
        target = chance.number(2, 8) if poll_type == "count" else None
        return Ballot(poll_type, _NAMED[poll_type], "i18n", target=target)
    if poll_type == "question":
        return Ballot(poll_type, ())
    if poll_type == "meeting":
        noon = created_at.replace(hour=12, minute=0, second=0, microsecond=0)
        days = sorted(chance.some(range(12, 40), 3))
        hours = tuple(f"{noon + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}" for day in days)
        fields = json.dumps({"time_zone": zone, "can_respond_maybe": True})
        return Ballot(poll_type, hours, "iso8601", custom_fields=fields)
    options = tuple(chance.some(language.options, chance.number(3, len(language.options))))
    if poll_type == "score":
        return Ballot(poll_type, options, min_score=0, max_score=chance.one_of((5, 9)))
    if poll_type == "dot_vote":
        return Ballot(poll_type, options, dots=8)
    if poll_type == "ranked_choice":
        return Ballot(poll_type, options, least_choices=chance.number(2, 3))
    return Ballot(poll_type, options, least_choices=1, most_choices=chance.number(1, 3))


def vote(chance: Chance, ballot: Ballot) -> dict[int, int]:
    """A valid vote: scores by the index of the option. Empty for a question."""
    options = range(len(ballot.options))
    match ballot.poll_type:
        case "question":
            return {}
        case "proposal":
            return {chance.weighted(options, (7, 2, 2)): 1}
        case "check" | "count":
            return {chance.weighted(options, (3, 1)): 1}
        case "meeting":
            return {option: chance.number(0, 2) for option in options}
        case "score":
            return {option: chance.number(ballot.min_score or 0, ballot.max_score or 9) for option in options}
        case "dot_vote":
            return _dots(chance, ballot)
        case "ranked_choice":
            ranked = chance.some(options, ballot.least_choices or 1)
            return {option: len(ranked) - rank for rank, option in enumerate(ranked)}
        case _:
            return dict.fromkeys(sorted(chance.some(options, chance.number(1, ballot.most_choices or 1))), 1)


def _dots(chance: Chance, ballot: Ballot) -> dict[int, int]:
    scores: dict[int, int] = {}
    left = ballot.dots or 0
    for option in range(len(ballot.options)):
        scores[option] = chance.number(0, left)
        left -= scores[option]
    return {option: dots for option, dots in scores.items() if dots}
