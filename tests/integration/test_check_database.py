"""`treadle check` finds everything that is wrong with Loomio's database in one run."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from treadle.checks.database import findings
from treadle.dev import practice
from treadle.migrations.upgrade import migrate


@pytest.fixture
def loomio(postgres_url: str) -> Iterator[str]:
    """The URL of a complete database, as Loomio and `treadle migrate` leave it."""
    practice.drop(postgres_url, "check_database")
    now = datetime(2025, 12, 8, 18, 7, tzinfo=UTC)
    yield practice.create(postgres_url, "check_database", size=practice.SIZES["tiny"], now=now)
    practice.drop(postgres_url, "check_database")


def test_a_correct_database_has_no_findings(loomio: str) -> None:
    assert findings(loomio) == []


def test_everything_that_is_wrong_is_found_in_one_run(loomio: str) -> None:
    change(
        loomio,
        "ALTER TABLE polls DROP COLUMN quorum_pct",
        "ALTER TABLE stances ALTER COLUMN participant_id TYPE bigint",
        "DROP TABLE partition_sequences",
        "DROP SCHEMA treadle CASCADE",
    )

    found = {finding.where: finding for finding in findings(loomio)}

    assert len(found) == 4
    assert found["Loomio's database"].what == "table partition_sequences is missing"
    assert found["Loomio's database, table polls"].what == "column quorum_pct (integer) is missing"
    assert (
        found["Loomio's database, table stances"].what
        == "column participant_id is bigint, Treadle expects integer"
    )
    assert "migration 0002" in found["Treadle's tables (schema treadle)"].what
    assert all(finding.remedy for finding in found.values())


def test_differences_in_what_we_do_not_use_are_not_findings(loomio: str) -> None:
    change(
        loomio,
        "DROP TABLE blazer_queries",
        "ALTER TABLE groups DROP COLUMN cover_photo_file_size",
        "ALTER TABLE polls ADD COLUMN opened_at timestamp",
        "CREATE TABLE topics (id bigserial)",
    )

    assert findings(loomio) == []


def test_a_type_may_be_spelled_differently(loomio: str) -> None:
    change(loomio, "ALTER TABLE polls ALTER COLUMN closing_at TYPE timestamp(6)")

    assert findings(loomio) == []


def test_a_different_length_is_a_different_type(loomio: str) -> None:
    change(loomio, "ALTER TABLE discussions ALTER COLUMN title TYPE varchar(400)")

    (finding,) = findings(loomio)

    assert finding.what == ("column title is character varying(400), Treadle expects character varying(255)")


def test_an_empty_database_is_one_finding_and_not_one_per_table(fresh_database: str) -> None:
    migrate(fresh_database)

    (finding,) = findings(fresh_database)

    assert finding.what == "none of Loomio's tables is there"


def test_an_unreachable_database_is_a_finding() -> None:
    (finding,) = findings("postgresql://ann@127.0.0.1:1/nowhere")

    assert "refused" in finding.what
    assert "TREADLE_DATABASE" in finding.remedy


def test_the_password_is_not_shown() -> None:
    found = findings("postgresql://ann:hunter2@127.0.0.1:1/nowhere") + findings("mysql://ann:hunter2@h/x")

    assert "hunter2" not in " ".join(map(str, found))


def change(url: str, *statements: str) -> None:
    with psycopg.connect(url) as db:
        for statement in statements:
            db.execute(statement.encode())
