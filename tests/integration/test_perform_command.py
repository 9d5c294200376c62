"""`treadle perform`: one attempt in the foreground, on a practice co-op."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.commands import Commands
from tests.support.shell import Shell
from treadle.dev import practice

NAME = "perform_command"
NOW = "2025-12-08T18:07:00+00:00"
OPEN = (
    "SELECT id FROM polls WHERE closed_at IS NULL AND discarded_at IS NULL"
    " AND closing_at < '2025-12-08 18:07' ORDER BY id"
)
SHOP = """
from treadle import Context, Discard, Job, worker

class Fail(Job, kind="shop.fail"):
    pass

@worker(Fail)
def fail(job: Fail, ctx: Context) -> None:
    raise LookupError("no such thing")
"""


@pytest.fixture(scope="module")
def coop(postgres_url: str) -> Iterator[str]:
    practice.drop(postgres_url, NAME)
    size = practice.SIZES["tiny"].with_lapsed(6)
    yield practice.create(postgres_url, NAME, size=size, now=datetime(2025, 12, 8, 18, 7, tzinfo=UTC))
    practice.drop(postgres_url, NAME)


@pytest.fixture
def shell(coop: str, commands: Commands, tmp_path: Path) -> Shell:
    """Runs commands on the practice co-op, and without Kafka: none is needed."""
    (tmp_path / "shop_jobs.py").write_text(SHOP)
    return Shell(commands, tmp_path, {"DATABASE": coop, "KAFKA": ""})


def perform(shell: Shell, *arguments: str, **settings: str) -> dict[str, Any]:
    done = shell.treadle("perform", *arguments, "--now", NOW, "--json", **settings)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def lapsed(coop: str) -> list[int]:
    with psycopg.connect(coop.replace("+psycopg", "")) as db:
        return [row[0] for row in db.execute(OPEN)]


def everything(coop: str) -> list[Any]:
    with psycopg.connect(coop.replace("+psycopg", "")) as db:
        tables = db.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
        sums = 'SELECT count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM "{}" t'
        return [db.execute(sums.format(name).encode()).fetchone() for (name,) in tables]


def test_what_it_did_is_shown_in_the_format_of_the_golden_cases(shell: Shell, coop: str) -> None:
    poll_id = lapsed(coop)[0]

    shown = perform(shell, "polls.close", f'{{"poll_id": {poll_id}}}')

    assert shown["outcome"] == "succeeded"
    assert poll_id not in lapsed(coop)
    (change,) = (each for each in shown["rows"]["polls"]["updated"] if each["key"] == poll_id)
    assert change["changes"]["closed_at"][0] is None
    assert [event["kind"] for event in shown["rows"]["events"]["inserted"]] == ["poll_expired"]
    event_id = shown["rows"]["events"]["inserted"][0]["id"]
    assert shown["jobs"] == [
        {
            "class": "GenericWorker",
            "args": ["SearchService", "reindex_by_poll_id", poll_id],
            "queue": "default",
        },
        {"class": "PublishEventWorker", "args": [event_id], "queue": "default"},
    ]
    assert shown["mails"] == shown["live"] == shown["http"] == []


def test_a_dry_run_shows_the_same_and_changes_nothing(shell: Shell, coop: str) -> None:
    poll_id = lapsed(coop)[0]
    before = everything(coop)

    shown = perform(shell, "polls.close", f"[{poll_id}]", "--dry-run")

    assert "closed_at" in shown["rows"]["polls"]["updated"][0]["changes"]
    assert everything(coop) == before


def test_a_dry_run_for_people_shows_before_and_after(shell: Shell, coop: str) -> None:
    poll_id = lapsed(coop)[0]

    done = shell.treadle(
        "perform", "CloseExpiredPollWorker", f"[{poll_id}]", "--dry-run", "--now", NOW, fresh=True
    )

    assert done.returncode == 0
    assert done.stdout.startswith("polls.close succeeded (dry run: rolled back)")
    for expected in ("table polls", "closed_at", "jobs that would follow", "events.publish"):
        assert expected in done.stdout


def test_what_would_be_published_is_shown(shell: Shell, coop: str) -> None:
    with psycopg.connect(coop.replace("+psycopg", "")) as db:
        event_id = db.execute("SELECT max(id) FROM events WHERE kind = 'poll_created'").fetchone()

    shown = perform(shell, "events.publish", f"[{event_id[0] if event_id else 0}]", "--dry-run")

    assert [event["kind"] for event in shown["events"]] == ["poll_created"]
    assert shown["jobs"] == []


def test_a_job_that_is_no_longer_needed_is_discarded_with_its_reason(shell: Shell, coop: str) -> None:
    with psycopg.connect(coop.replace("+psycopg", "")) as db:
        closed = db.execute("SELECT min(id) FROM polls WHERE closed_at IS NOT NULL").fetchone()

    shown = perform(shell, "polls.close", f"[{closed[0] if closed else 0}]")

    assert (shown["outcome"], shown["reason"]) == ("discarded", "already closed")
    assert shown["rows"] == {}


def test_a_job_that_fails_is_reported_and_the_exit_code_is_1(shell: Shell) -> None:
    done = shell.treadle("perform", "shop.fail", "--json", WORKERS="shop_jobs")

    assert done.returncode == 1
    assert done.stderr == "treadle: shop.fail failed: LookupError: no such thing\n"
    assert json.loads(done.stdout)["outcome"] == "failed"


def test_without_a_database_a_worker_that_needs_one_says_what_to_set(shell: Shell) -> None:
    done = shell.treadle("perform", "polls.close", "[1]", DATABASE="")

    assert done.returncode == 1
    assert "set TREADLE_DATABASE" in done.stderr
