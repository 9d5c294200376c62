"""What an attempt leads to is encoded once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from consumers.attempt.follow_ups import follow_ups_of, pack, unpack
from consumers.attempt.outcome import NOTHING_FOLLOWS, Succeeded
from consumers.attempt.performer import Performer
from consumers.context import Context, Services
from consumers.worker import Workers
from streams import envelope
from streams.message import Message
from streams.wire import jobs
from tests.support.builders.messages import KINDS, Count, Greet, a_fact, a_message

PAGE = 500


class Recording:
    """Transactions that record the follow-ups at their end, as those on the database do."""

    def __init__(self) -> None:
        self.recorded: tuple[Message, ...] = ()

    @contextmanager
    def begin(self, ctx: Context) -> Iterator[Connection]:
        yield cast(Connection, None)
        self.recorded = follow_ups_of(ctx)


def counted(encode: Callable[[Any], bytes], calls: list[Any]) -> Callable[[Any], bytes]:
    def encode_and_count(job: Any) -> bytes:
        calls.append(job)
        return encode(job)

    return encode_and_count


def test_a_page_of_follow_ups_in_a_transaction_is_encoded_job_by_job_and_only_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[Any] = []
    for module in (envelope, jobs):
        monkeypatch.setattr(module, "_encode", counted(module._encode, calls))
    workers, transactions = Workers(), Recording()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        with ctx.transaction():
            ctx.enqueue(*(Count(upto=number) for number in range(PAGE)))

    outcome = Performer(KINDS, workers, Services(transactions)).attempt(a_message())

    assert calls == [Count(upto=number) for number in range(PAGE)]
    assert isinstance(outcome, Succeeded)
    assert outcome.follow_ups is transactions.recorded
    assert outcome.follow_ups[-1].value == b'{"upto":499}'


def test_attempts_that_lead_to_nothing_share_one_outcome() -> None:
    workers, transactions = Workers(), Recording()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        with ctx.transaction():
            pass

    outcome = Performer(KINDS, workers, Services(transactions)).attempt(a_message())

    assert outcome is NOTHING_FOLLOWS
    assert transactions.recorded == ()


def test_follow_ups_are_read_from_a_table_as_they_were_kept() -> None:
    workers, transactions = Workers(), Recording()

    @workers.worker(Greet)
    def greet(job: Greet, ctx: Context) -> None:
        with ctx.transaction():
            ctx.enqueue(Count(1))
            ctx.publish(a_fact())

    Performer(KINDS, workers, Services(transactions)).attempt(a_message())

    assert len(transactions.recorded) == 2
    assert unpack(pack(transactions.recorded)) == transactions.recorded
