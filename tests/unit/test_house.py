"""The house: who may import whom, and how long a file may be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ("streams", "consumers", "scheduler", "treadle")
LONGEST = 300
FILES = sorted(path.relative_to(ROOT) for room in HOUSE for path in (ROOT / room).rglob("*.py"))
MODULES = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}

# Modules (by pattern), and what they may import of ours; all else of ours is refused.
MAY_IMPORT = {
    "streams.jobs*": ("streams.jobs*", "streams.job", "streams.policy", "streams.errors"),
    "streams.agents*": (
        *("streams.agents*", "streams.agent", "streams.job", "streams.jobs*"),
        *("streams.event", "streams.tick", "streams.errors"),
    ),
    "streams*": ("streams*",),
    "consumers.loomio*": ("consumers.loomio*", "streams.errors"),
    "consumers.gateways*": ("consumers.gateways*", "streams.errors"),
    "consumers.workers*": (
        *("consumers.workers*", "consumers.loomio*", "consumers.worker"),
        *("consumers.context", "consumers.deliveries", "streams*"),
    ),
    "consumers*": ("consumers*", "streams*"),
    "scheduler*": ("scheduler*", "streams*"),
    "treadle*": ("*",),
}
# Libraries, and the only modules that may import them.
ONLY_IN = {
    "faust": ("streams.app",),
    "aiokafka": ("streams.app",),
    "confluent_kafka": (
        *("streams.producer", "streams.topic_plan"),
        *("consumers.group_member", "consumers.commits", "consumers.kafka_orders", "treadle*"),
    ),
    "sqlalchemy": ("consumers*", "scheduler.ring", "treadle*"),
    "alembic": ("treadle*",),
    "typer": ("treadle.cli*",),
    "rich": ("treadle.cli*", "treadle.demo*"),
    "pydantic": ("treadle.settings", "treadle.check"),
    "pydantic_settings": ("treadle.settings",),
    "treadle.settings": ("treadle*",),
    "hypothesis": (),
    "pytest": (),
    "tests": (),
}
# Clients of Kafka reach a worker through nobody.
NOT_FOR_WORKERS = ("streams.producer", "streams.app", "streams.topic_plan")


def matches(module: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(module, pattern) for pattern in patterns)


@cache
def imports(module: str) -> tuple[str, ...]:
    """The modules that this one imports, anywhere in its text."""
    return tuple(_imports(module))


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / MODULES[module]).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: write imports from the root"
            parts = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (part if part in MODULES else str(node.module) for part in parts)


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in HOUSE


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    allowed = next(may for pattern, may in MAY_IMPORT.items() if fnmatch(module, pattern))

    refused = [name for name in imports(module) if is_ours(name) and not matches(name, allowed)]

    assert refused == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_in_its_rooms(library: str) -> None:
    importing = {
        module
        for module in MODULES
        for name in imports(module)
        if name == library or name.startswith(f"{library}.")
    }

    assert [module for module in importing if not matches(module, ONLY_IN[library])] == []


def test_workers_reach_no_kafka_client() -> None:
    workers = [module for module in MODULES if fnmatch(module, "consumers.workers*")]

    assert [(module, name) for module in workers for name in imports(module) if name in NOT_FOR_WORKERS] == []


def test_only_treadle_reads_the_environment() -> None:
    reading = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }

    assert [module for module in reading if not module.startswith("treadle.")] == []


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_tells_one_story(path: Path) -> None:
    text = (ROOT / path).read_text()

    assert len(text.splitlines()) <= LONGEST
    assert not text or ast.get_docstring(ast.parse(text)), "open it with a sentence that says what it is for"


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.name)
def test_a_file_of_tests_is_not_too_long_either(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def test_no_room_has_a_name_that_says_nothing() -> None:
    for path in FILES:
        assert not {"utils", "util", "common", "helpers", "helper", "manager"} & set(
            path.with_suffix("").parts
        )


def test_the_public_face_loads_neither_faust_nor_alembic() -> None:
    code = "import sys, treadle; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    assert "streams" in loaded
    assert not {"faust", "alembic", "typer", "sqlalchemy"} & set(loaded)


def test_a_process_that_needs_no_database_carries_none() -> None:
    look = "import sys, treadle.cli.main, treadle.processes, consumers.retries; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout

    assert not {"sqlalchemy", "alembic", "faust"} & set(loaded.split())
