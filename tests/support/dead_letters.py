"""A line with a store of dead letters: writes messages to `jobs.dead` and runs `treadle dead`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from monitor.dead_letters import store
from streams.headers import ID, QUEUE, TYPE, text_of
from streams.message import Message
from streams.topics import AUDIT, DEAD
from streams.wire.failure import failure
from streams.wire.redrive import dead_letter
from tests.support.builders.messages import a_message
from tests.support.line import Line
from treadle.database import opened
from treadle.migrations.upgrade import migrate

CLOSE = ("polls.close", b'{"poll_id": 42}')
REPAIR = ("threads.repair", b"[7]")


class DeadLetters:
    """The dead letters of a line. Their store has only those of this test."""

    def __init__(self, line: Line, database: str) -> None:
        self.line = line
        self.database = database
        self.kafka = {"bootstrap.servers": line.kafka}
        line.settings["DATABASE"] = database
        migrate(database)
        with opened(database) as engine, engine.begin() as db:
            for topic in (DEAD, AUDIT):
                offsets = {part: offset for (name, part), offset in line.begin.items() if name == topic}
                store.save_next_offsets(db, topic, offsets)

    def add(
        self,
        *jobs: tuple[str, bytes],
        error: Exception | None = None,
        key: bytes | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> list[str]:
        """Write jobs of these kinds, with these arguments, to `jobs.dead`; their ids."""
        why = error or LookupError("no such poll")
        messages = [a_dead_letter(kind, value, why, key, headers) for kind, value in jobs]
        self.send(*messages)
        return [text_of(message.headers, ID) for message in messages]

    def send(self, *messages: Message) -> None:
        self.line.send(messages)

    def run(self, *arguments: str, code: int = 0, stdin: str = "") -> str:
        """Run a command that exits with this code; its stdout, or its stderr if that is empty."""
        done = self.line.treadle("dead", *arguments, stdin=stdin)
        assert done.returncode == code, done.stderr
        return done.stdout or done.stderr

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        """What `treadle dead list` finds."""
        rows: list[dict[str, Any]] = json.loads(self.run("list", "--json", *arguments))
        return rows

    def rows(self) -> list[Any]:
        """The whole store."""
        c = store.dead_letters.c
        with opened(self.database) as engine, engine.connect() as db:
            wanted = store.dead_letters.select().order_by(c.partition, c.offset)
            return [tuple(row) for row in db.execute(wanted)]

    def sent_back(self, *topics: str) -> list[str]:
        """The ids of the jobs in these topics (default: `jobs.default`)."""
        return [text_of(message.headers, ID) for message in self.line.sent(*(topics or ("jobs.default",)))]


def a_dead_letter(
    kind: str,
    value: bytes,
    error: Exception,
    key: bytes | None = None,
    headers: Mapping[str, bytes] | None = None,
) -> Message:
    """A job with a new id that died of this error."""
    given = {TYPE: kind.encode(), ID: str(uuid4()).encode(), QUEUE: b"default", **(headers or {})}
    received = a_message(value, topic="jobs.default", key=key, headers=given)
    return dead_letter(received, failure(error, received, datetime.now(UTC)))
