"""The house: who may import whom, and how long a file may be."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ("streams", "consumers", "scheduler", "monitor", "treadle")
LONGEST, MEDIAN, MAX_ROOMS = 300, 90, 16
FILES = sorted(path.relative_to(ROOT) for part in HOUSE for path in (ROOT / part).rglob("*.py"))
MODULES = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}

# Modules (by pattern, the first that fits), and what they may import of ours; everything else of ours is refused.
# <root> stands for what lies in `streams` itself, in none of its rooms.
MAY_IMPORT = {
    "streams.jobs*": ("streams.jobs*", "streams.job", "streams.policy", "streams.errors"),
    "streams.agents*": (
        *("streams.agents*", "streams.agent", "streams.job", "streams.jobs*"),
        *("streams.event", "streams.tick", "streams.errors"),
    ),
    "streams.wire*": ("streams.wire*", "<root>"),
    "streams.process*": ("streams.process*", "<root>"),
    "streams.kafka*": ("streams.kafka*", "streams.wire*", "<root>"),
    "streams.overrides*": ("streams.overrides*", "streams.kafka*", "streams.wire*", "<root>"),
    "streams.faust*": (*("streams.faust*", "streams.kafka*", "streams.wire*", "streams.jobs*", "<root>"),),
    "streams*": ("<root>",),
    "consumers.loomio*": ("consumers.loomio*", "streams.errors"),
    "consumers.gateways*": ("consumers.gateways*", "streams.errors"),
    "consumers.workers*": (
        *("consumers.workers*", "consumers.loomio*", "consumers.worker"),
        *("consumers.context", "consumers.deliveries", "streams*"),
    ),
    "consumers.context": ("streams*",),
    "consumers.worker": ("consumers.context", "streams*"),
    "consumers.signals": ("consumers.attempt*", "streams*"),
    "consumers.offsets*": ("consumers.offsets*", "streams*"),
    "consumers.attempt*": ("consumers.attempt*", "consumers.context", "consumers.worker", "streams*"),
    "consumers.dispatch*": ("consumers.dispatch*", "consumers.offsets*", "consumers.worker", "streams*"),
    "consumers.fetching*": (
        *("consumers.fetching*", "consumers.dispatch*", "consumers.offsets*", "streams*"),
    ),
    "consumers.settling*": (
        *("consumers.settling*", "consumers.attempt*", "consumers.dispatch.work_item", "streams*"),
    ),
    "consumers.executors*": (
        *("consumers.executors*", "consumers.dispatch*", "consumers.attempt*"),
        *("consumers.settling*", "streams*"),
    ),
    "consumers.retries*": ("consumers.retries*", "consumers.fetching*", "consumers.offsets*", "streams*"),
    "consumers.process": (
        *("consumers.fetching.fetcher", "consumers.dispatch*", "consumers.executors*"),
        *("consumers.attempt*", "consumers.settling*", "consumers.signals", "streams*"),
    ),
    "consumers*": (),
    "scheduler*": ("scheduler*", "streams*"),
    "monitor*": ("monitor*", "streams*"),
    "treadle.cli*": ("*",),
    "treadle.dev*": ("*",),
    "treadle*": ("*",),
}
# Libraries, and the only modules that may import them.
ONLY_IN = {
    "faust": ("streams.faust.*",),
    "aiokafka": ("streams.faust.*",),
    "confluent_kafka": ("streams.kafka.*", "consumers.fetching.*", "treadle.dev.*"),
    "fastapi": ("monitor.api*", "monitor.pages*"),
    "sqlalchemy": ("consumers*", "scheduler*", "monitor.dead_letters.*", "treadle*"),
    "alembic": ("treadle.migrations*",),
    "typer": ("treadle.cli*",),
    "rich": ("treadle.cli*", "treadle.dev.demo*"),
    "pydantic": ("treadle.settings", "treadle.checks.*"),
    "pydantic_settings": ("treadle.settings",),
    "treadle.settings": ("treadle*",),
    "hypothesis": (),
    "pytest": ("treadle.testing*",),
    "tests": (),
}
# Clients of Kafka reach a worker through nothing.
NOT_FOR_WORKERS = ("streams.kafka*", "streams.faust*", "streams.overrides*")


def is_root(module: str) -> bool:
    """Whether it lies in `streams` itself, in none of its rooms."""
    return module in MODULES and MODULES[module].parent == Path("streams")


def matches(module: str, patterns: Iterable[str]) -> bool:
    return any(is_root(module) if each == "<root>" else fnmatch(module, each) for each in patterns)


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


def room_of(module: str) -> str:
    """The room of a module: what lies in no room of `streams` counts as one, elsewhere each file by itself."""
    return "streams" if is_root(module) else ".".join(module.split(".")[:2])


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    allowed = next(may for pattern, may in MAY_IMPORT.items() if fnmatch(module, pattern))

    refused = [name for name in imports(module) if is_ours(name) and not matches(name, allowed)]

    assert refused == []


@pytest.mark.parametrize("unit", [room_of, str], ids=["rooms", "files"])
def test_imports_go_round_in_no_circle(unit: type[str]) -> None:
    graph: dict[str, set[str]] = {}
    for module in MODULES:
        ours = {unit(name) for name in imports(module) if is_ours(name)}
        graph.setdefault(unit(module), set()).update(ours - {unit(module)})

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


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

    reached = [(module, name) for module in workers for name in imports(module)]

    assert [each for each in reached if matches(each[1], NOT_FOR_WORKERS)] == []


def test_what_is_for_trials_is_imported_by_the_command_line_and_for_tests_alone() -> None:
    importing = {module for module in MODULES for name in imports(module) if name.startswith("treadle.dev")}
    may = ("treadle.cli*", "treadle.dev*", "treadle.testing*")

    assert [each for each in importing if not matches(each, may)] == []


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


def test_most_files_are_short() -> None:
    lengths = [len((ROOT / path).read_text().splitlines()) for path in FILES if path.name != "__init__.py"]

    assert statistics.median(lengths) <= MEDIAN


def test_a_visitor_of_the_consumers_sees_few_doors() -> None:
    doors = {path.parts[1] for path in FILES if path.parts[0] == "consumers"} - {"__init__.py"}

    assert len(doors) <= MAX_ROOMS


def test_no_room_has_a_name_that_says_nothing() -> None:
    for path in FILES:
        assert not {"utils", "util", "common", "helpers", "helper", "manager"} & set(
            path.with_suffix("").parts
        )


def test_the_public_face_loads_neither_faust_nor_alembic() -> None:
    loaded = loaded_by("import treadle")

    assert "streams" in loaded
    assert not {"faust", "alembic", "typer", "sqlalchemy", "pytest"} & loaded


def test_a_process_that_needs_no_database_carries_none() -> None:
    loaded = loaded_by("import treadle.cli.main, treadle.processes.retries")

    assert "consumers" in loaded
    assert not {"sqlalchemy", "alembic", "faust"} & loaded


def test_a_command_loads_no_web_framework() -> None:
    assert not {"fastapi", "starlette"} & loaded_by("import treadle.cli.main")


def loaded_by(code: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after this."""
    look = f"{code}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())
