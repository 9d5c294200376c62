"""The practice co-op in a real database: consistent, and never a danger to another database."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import ScalarSelect, Table, select

from consumers.loomio.groups import counters
from consumers.loomio.polls import closing
from consumers.loomio.schema.tables import discussions, groups, users
from consumers.loomio.threads import repairing
from streams.errors import ConfigError
from treadle.checks.database import findings
from treadle.database import opened
from treadle.dev import practice
from treadle.dev.practice.rows import TABLES

NOW = datetime(2025, 12, 8, 18, 7, tzinfo=UTC)
# Compared with `updated_at`: repairing an intact thread writes nothing.
THREAD = ("discussions", "events", "discussion_readers", "comments")
POLL_COUNTS = """
    WITH latest AS (SELECT * FROM stances WHERE latest AND revoked_at IS NULL),
    options AS (
        SELECT o.id, o.poll_id, o.priority, coalesce(sum(c.score), 0) AS total, count(s.id) AS voters,
               coalesce(jsonb_object_agg(s.participant_id, c.score)
                        FILTER (WHERE s.participant_id IS NOT NULL AND NOT p.anonymous), '{}') AS scores
        FROM poll_options o JOIN polls p ON p.id = o.poll_id
        LEFT JOIN (stance_choices c JOIN latest s ON s.id = c.stance_id) ON c.poll_option_id = o.id
        GROUP BY o.id
    )
    SELECT 'option', o.id FROM poll_options o JOIN options n USING (id)
    WHERE (o.total_score, o.voter_count, o.voter_scores) IS DISTINCT FROM (n.total, n.voters, n.scores)
    UNION ALL
    SELECT 'poll', p.id FROM polls p
    WHERE (p.voters_count, p.undecided_voters_count, p.none_of_the_above_count, p.versions_count,
           p.stance_counts)
      IS DISTINCT FROM (
        (SELECT count(*) FROM latest s WHERE s.poll_id = p.id),
        (SELECT count(*) FROM latest s WHERE s.poll_id = p.id AND cast_at IS NULL),
        (SELECT count(*) FROM latest s WHERE s.poll_id = p.id AND cast_at IS NOT NULL AND none_of_the_above),
        (SELECT count(*) FROM versions v WHERE v.item_type = 'Poll' AND v.item_id = p.id),
        (SELECT coalesce(jsonb_agg(total ORDER BY priority), '[]') FROM options n WHERE n.poll_id = p.id))
"""
RECEIPTS = """
    SELECT p.id FROM polls p WHERE (p.closed_at IS NOT NULL) AND (
        SELECT count(*) FROM stances s WHERE s.poll_id = p.id AND latest AND revoked_at IS NULL
    ) <> (SELECT count(*) FROM stance_receipts r WHERE r.poll_id = p.id AND voter_id IS NOT NULL)
"""


@pytest.fixture(scope="module")
def coop(postgres_url: str) -> Iterator[str]:
    """The URL of a small practice co-op, for tests that only read."""
    practice.drop(postgres_url, "practice_small")
    yield practice.create(postgres_url, "practice_small", now=NOW)
    practice.drop(postgres_url, "practice_small")


def test_it_is_a_database_that_treadle_can_work_with(coop: str) -> None:
    assert findings(coop) == []


def test_the_same_seed_creates_the_same_database(coop: str, postgres_url: str) -> None:
    again = practice.create(postgres_url, "practice_again", now=NOW)

    different = [table for table in TABLES.values() if content(coop, table) != content(again, table)]

    practice.drop(postgres_url, "practice_again")
    assert different == []


@pytest.mark.parametrize(
    ("table", "counts"),
    [
        (groups, counters.GROUP_COUNTS),
        (discussions, counters.DISCUSSION_COUNTS),
        (users, counters.USER_COUNTS),
    ],
    ids=["groups", "discussions", "users"],
)
def test_its_counters_agree_with_a_recount(
    coop: str, table: Table, counts: dict[str, ScalarSelect[int]]
) -> None:
    recount = select(*(count.label(name) for name, count in counts.items()))
    with opened(coop) as database, database.connect() as db:
        stored = db.execute(select(table.c.id, *(table.c[name] for name in counts))).all()
        wrong = [
            row for row in stored if tuple(row[1:]) != tuple(db.execute(recount, {"owner": row.id}).one())
        ]

    assert len(stored) > 5
    assert wrong == []


def test_the_counts_of_its_polls_agree_with_their_votes(coop: str) -> None:
    assert rows(coop, POLL_COUNTS) == []


def test_its_closed_polls_have_a_receipt_for_each_voter(coop: str) -> None:
    assert rows(coop, RECEIPTS) == []


def test_repairing_its_threads_changes_nothing(coop: str) -> None:
    with opened(coop) as database, database.connect() as db:
        before = {table: content(coop, table) for table in THREAD}

        broken = [
            repairing.repair(db, discussion_id, at=datetime.now(UTC))
            for discussion_id in db.scalars(select(discussions.c.id)).all()
        ]

        repaired = {table: db.exec_driver_sql(f"SELECT * FROM {table} ORDER BY id").all() for table in THREAD}
        db.rollback()
    assert not any(broken)
    for table in THREAD:
        assert [tuple(row) for row in repaired[table]] == [tuple(row.values()) for row in before[table]]


def test_its_lapsed_polls_are_found_by_the_closing_question(coop: str) -> None:
    with opened(coop) as database, database.connect() as db:
        found = closing.past_closing(db, at=NOW, after=None, limit=1_000)

    assert len(found) == practice.SIZES["small"].lapsed


def test_a_search_finds_votes_unless_they_are_secret(coop: str) -> None:
    secret = rows(
        coop,
        """SELECT s.id FROM pg_search_documents d JOIN stances s ON s.id = d.searchable_id
           JOIN polls p ON p.id = s.poll_id
           WHERE searchable_type = 'Stance' AND closed_at IS NULL AND (anonymous OR hide_results = 2)""",
    )

    assert secret == []
    assert rows(coop, "SELECT 1 FROM pg_search_documents WHERE searchable_type = 'Stance' LIMIT 1")


def test_ids_of_new_rows_follow_its_own(coop: str) -> None:
    with psycopg.connect(coop) as db:
        (highest,) = db.execute("SELECT max(id) FROM stances").fetchone() or (0,)
        (next_id,) = db.execute("SELECT nextval('stances_id_seq')").fetchone() or (0,)

    assert next_id == highest + 1


def test_an_existing_database_is_never_filled(postgres_url: str, fresh_database: str) -> None:
    with pytest.raises(ConfigError, match="already"):
        practice.create(postgres_url, name_of(fresh_database), now=NOW)

    assert rows(fresh_database, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []


def test_a_database_that_it_did_not_create_is_never_dropped(postgres_url: str, fresh_database: str) -> None:
    with pytest.raises(ConfigError, match="left alone"):
        practice.drop(postgres_url, name_of(fresh_database))

    assert rows(fresh_database, "SELECT 1 AS there") == [{"there": 1}]


def test_a_co_op_that_cannot_be_completed_is_dropped(postgres_url: str) -> None:
    def interrupt(step: str, written: int) -> None:
        if written:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        practice.create(
            postgres_url, "practice_broken", size=practice.SIZES["tiny"], now=NOW, progress=interrupt
        )

    assert not practice.drop(postgres_url, "practice_broken")


def test_a_name_that_needs_quoting_is_refused(postgres_url: str) -> None:
    with pytest.raises(ConfigError, match="lower-case letters"):
        practice.create(postgres_url, 'x"; DROP DATABASE loomio; --', now=NOW)


def test_dropping_a_missing_database_returns_false(postgres_url: str) -> None:
    assert practice.drop(postgres_url, "practice_nowhere") is False


def content(url: str, table: str) -> list[dict[str, Any]]:
    order = "key, id" if table == "partition_sequences" else "id"
    return rows(url, f"SELECT * FROM {table} ORDER BY {order}")


def rows(url: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as db:
        return db.execute(query.encode()).fetchall()


def name_of(url: str) -> str:
    with psycopg.connect(url) as db:
        return db.info.dbname
