"""The schema that we create is Loomio's."""

from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import StatementError

from consumers.loomio.schema import metadata
from consumers.loomio.schema.tables import polls
from streams.errors import ConfigError
from tests.fidelity.conftest import Copy, engine_of
from tests.support.performing import NOW

COLUMNS = """
    SELECT table_name, column_name, ordinal_position, data_type, udt_name, character_maximum_length,
           datetime_precision, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public'
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'f', 'u', 'c')
"""
SEQUENCES = "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'"
SCHEMAS = "SELECT nspname FROM pg_namespace"
FUNCTIONS = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"


@pytest.mark.parametrize(
    "question",
    [COLUMNS, INDEXES, CONSTRAINTS, SEQUENCES, SCHEMAS, FUNCTIONS],
    ids=["columns", "indexes", "constraints", "sequences", "schemas", "functions"],
)
def test_our_schema_is_the_same_as_loomios(question: str, ours: str, loomios: str) -> None:
    assert answers(question, ours) == answers(question, loomios)


@pytest.fixture(scope="module")
def ours(copy_of: Copy) -> str:
    return copy_of("tables")


@pytest.fixture(scope="module")
def loomios(copy_of: Copy) -> str:
    return copy_of("dump")


def answers(question: str, url: str) -> set[Any]:
    with engine_of(url).connect() as db:
        found = {tuple(row) for row in db.execute(text(question))}
    assert found
    return found


def test_an_unknown_column_type_is_refused() -> None:
    table = {"columns": {"id": {"type": "money"}}}

    with pytest.raises(ConfigError, match="no column type is called 'money'"):
        metadata.metadata_of({"tables": {"wallets": table}, "rails_internal_tables": {}})


def test_moments_without_a_zone_are_refused(loomio: Engine) -> None:
    question = select(polls.c.id).where(polls.c.closing_at < NOW.replace(tzinfo=None))

    with loomio.connect() as db, pytest.raises(StatementError, match="has no time zone"):
        db.execute(question)
