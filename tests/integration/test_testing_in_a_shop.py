"""`treadle.testing` in a shop's own run of pytest: the fixture, and the example in the docs."""

import re
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.support.commands import environment
from tests.support.planned import ROOT

CONFTEST = 'pytest_plugins = ["treadle.testing"]\n'
SHOP = """
import pytest
from sqlalchemy import func, select

import consumers.workers
from consumers.loomio.schema.tables import polls
from streams.jobs.polls import ClosePoll, FindExpiredPolls
from treadle.testing import assert_enqueued, enqueued, perform


@pytest.mark.parametrize("turn", [1, 2])
def test_each_has_its_own(practice_database, practice_template, turn):
    with open("names", "a") as names:
        print(practice_database.url.database, practice_template.name, file=names)

    lapsed = enqueued(perform(FindExpiredPolls(), practice_database))
    outcomes = [perform(job, practice_database) for job in lapsed]

    assert lapsed == [ClosePoll(poll_id=job.poll_id) for job in lapsed] != []
    assert all(enqueued(outcome) for outcome in outcomes)
    assert enqueued(perform(FindExpiredPolls(), practice_database)) == []
    with practice_database.connect() as db:
        assert db.scalar(select(func.count()).select_from(polls)) == 22
        assert db.scalar(select(func.count()).where(polls.c.closed_at.is_(None))) == 11
"""
LOCAL = """
import pytest

from consumers.worker import Workers
from treadle import Job
from treadle.testing import enqueued, perform


@pytest.mark.parametrize("turn", [1, 2])
def test_each_declares_a_kind_of_the_same_name(turn):
    class Pack(Job, kind="shop.pack"):
        turn: int

    workers = Workers()
    workers.worker(Pack)(lambda job, ctx: ctx.enqueue(Pack(0)))

    assert enqueued(perform(Pack(turn), workers=workers)) == [Pack(0)]
"""
BLOCK = re.compile(r"`(\w+\.py)`|^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pytest(folder: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest in this folder. Settings are named without TREADLE_."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    around = environment(**settings)
    return subprocess.run(command, cwd=folder, env=around, capture_output=True, text=True, timeout=120)


def databases(server: str) -> set[str]:
    with psycopg.connect(server) as db:
        return {name for (name,) in db.execute("SELECT datname FROM pg_database")}


def example(page: Path) -> dict[str, str]:
    """The files that a page has its reader write: each block of Python belongs to the file named last before it."""
    files: dict[str, str] = {}
    name = ""
    for named, block in BLOCK.findall(page.read_text()):
        if block:
            files[name] = f"{files[name]}\n\n{block}" if name in files else block
        else:
            name = named
    return files


def test_each_test_has_a_fresh_co_op_and_none_is_left(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_shop.py").write_text(SHOP)

    done = pytest(tmp_path, "-W", "error", DATABASE=postgres_url)

    assert "2 passed" in done.stdout, done.stdout
    names = [line.split() for line in (tmp_path / "names").read_text().splitlines()]
    (first, template), (second, same) = names
    assert first != second
    assert template == same
    assert not {first, second, template} & databases(postgres_url)


def test_a_test_module_may_enable_the_fixture_by_itself(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "test_shop.py").write_text(CONFTEST + SHOP)

    done = pytest(tmp_path, "-W", "error", DATABASE=postgres_url)

    assert "2 passed" in done.stdout, done.stdout


def test_without_a_server_the_fixture_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_shop.py").write_text(SHOP)

    done = pytest(tmp_path)

    assert "2 errors" in done.stdout
    assert "practice_database cannot be created: TREADLE_DATABASE is not set" in done.stdout
    assert "During handling of" not in done.stdout


def test_a_server_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_shop.py").write_text(SHOP)

    done = pytest(tmp_path, DATABASE=f"postgresql://postgres@/loomio?host={tmp_path}")

    assert "2 errors" in done.stdout
    assert "practice_database cannot be created: the database cannot be used:" in done.stdout


def test_the_example_in_the_docs_passes(tmp_path: Path, postgres_url: str) -> None:
    files = example(ROOT / "docs/adding-a-worker.md")
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    done = pytest(tmp_path, "-W", "error", DATABASE=postgres_url)

    assert files.keys() == {"turnout.py", "conftest.py", "test_turnout.py"}
    assert "3 passed" in done.stdout, done.stdout


def test_each_test_may_declare_a_kind_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(LOCAL)

    done = pytest(tmp_path)

    assert "2 passed" in done.stdout, done.stdout


def test_importing_it_loads_neither_pytest_nor_a_client() -> None:
    code = "import sys, treadle; known = set(sys.modules); import treadle.testing; print(*sys.modules.keys() - known)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "sqlalchemy" in loaded
    assert not {"pytest", "_pytest", "confluent_kafka", "faust", "aiokafka", "alembic", "typer"} & loaded
