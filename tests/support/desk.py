"""A line with a store of dead letters, letters to lie on `jobs.dead`, and `treadle dead`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from streams.dead import dead_letter, failure
from streams.message import Message
from streams.topics import AUDIT, DEAD
from tests.support.builders.messages import a_message
from tests.support.line import Line
from treadle.database import opened
from treadle.dead import store
from treadle.migrating import migrate

CLOSE = ("polls.close", b'{"poll_id": 42}')
REPAIR = ("threads.repair", b"[7]")


class Desk:
    """A line whose store of dead letters begins with this test."""

    def __init__(self, line: Line, database: str) -> None:
        self.line = line
        self.database = database
        line.settings["DATABASE"] = database
        migrate(database)
        with opened(database) as engine, engine.begin() as db:
            for topic in (DEAD, AUDIT):
                ends = {part: at for (name, part), at in line.begin.items() if name == topic}
                store.keep_positions(db, topic, ends)

    def die(self, *jobs: tuple[str, bytes], error: Exception | None = None, **headers: bytes) -> list[str]:
        """Have jobs of these kinds and arguments lie on `jobs.dead`; their ids."""
        letters = [
            letter(kind, value, error or LookupError("no such poll"), **headers) for kind, value in jobs
        ]
        self.send(*letters)
        return [(dict(each.headers)["ce_id"] or b"").decode() for each in letters]

    def send(self, *messages: Message) -> None:
        self.line.send(messages)

    def run(self, *arguments: str, code: int = 0, stdin: str = "") -> str:
        """Run a command that ends with this code; what it printed, or what it said if that is nothing."""
        done = self.line.treadle("dead", *arguments, stdin=stdin)
        assert done.returncode == code, done.stderr
        return done.stdout or done.stderr

    def table(self, *arguments: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.run("list", "--json", *arguments))
        return rows

    def rows(self) -> list[Any]:
        """The whole store."""
        with opened(self.database) as engine, engine.connect() as db:
            order = (store.letters.c.partition, store.letters.c.offset)
            return [tuple(row) for row in db.execute(store.letters.select().order_by(*order))]


def letter(kind: str, value: bytes, error: Exception, key: bytes | None = None, **headers: bytes) -> Message:
    papers = {
        "ce_type": kind.encode(),
        "ce_id": str(uuid4()).encode(),
        "treadle_queue": b"default",
        **headers,
    }
    came = a_message(value, topic="jobs.default", key=key, headers=papers)
    return dead_letter(came, failure(error, came, datetime.now(UTC)))
