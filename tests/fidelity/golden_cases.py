"""Reads the golden cases, and compares what we did with what Loomio did."""

import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from streams.job import Job, Kinds
from streams.wire.sidekiq import as_ruby

GOLDEN = Path(__file__).parent / "golden"


def _load_compare() -> Any:
    """The program `golden/compare`, as a module: its name has no ".py"."""
    loader = SourceFileLoader("golden_compare", str(GOLDEN / "compare"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


_compare = _load_compare()


def case_of(name: str) -> dict[str, Any]:
    """One case as it was recorded."""
    case: dict[str, Any] = json.loads((GOLDEN / "cases" / f"{name}.json").read_text())
    return case


def job_of(case: dict[str, Any]) -> Job:
    """Our job in place of the one that Loomio performed."""
    arguments = case["args"]
    name = case["worker"]
    if name == "GenericWorker":
        name, arguments = ".".join(arguments[:2]), arguments[2:]
    kind = Kinds.declared().find(name)
    return kind.job_class(*arguments)


def differences(
    case: dict[str, Any],
    database_url: str,
    jobs: Collection[Job] | None,
    *,
    only: Collection[str] | None = None,
) -> list[str]:
    """What is not as Loomio left it, in words.

    `only` names the tables to look at, all if not given. Without `jobs` nothing that was sent is compared.
    """
    fixture = json.loads((GOLDEN / "cases" / "_fixture.json").read_text())
    ignored = set() if only is None else fixture.keys() - set(only)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    expected = case | {"jobs": [job for job in case["jobs"] if not _pushed_with_every_save(job)]}
    comparison = _compare.Comparison(expected, fixture, an_hour_ago, 5, ignored)
    after = _compare.state(database_url, fixture)
    ids = comparison.tables({table: comparison.keyed(table, rows) for table, rows in after.items()})
    if jobs is not None:
        sent = {"jobs": [as_ruby(job) for job in jobs], "mails": [], "live": [], "http": []}
        comparison.effects(sent, ids)
    problems: list[str] = comparison.problems
    return problems


def _pushed_with_every_save(job: dict[str, Any]) -> bool:
    """Loomio counts tags after every save; we do when tags have changed, and no job here changes any."""
    return bool(job["class"] == "GenericWorker" and job["args"][0] == "TagService")
