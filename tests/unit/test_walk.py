"""`docs/walk.md` is held to the code: every path in it exists, and every name stands in a file of its section."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from streams import headers
from tests.support.planned import PLANNED

ROOT = Path(__file__).parents[2]
SECTIONS = re.split(r"(?m)^(?=## )", (ROOT / "docs/walk.md").read_text())
FILE = re.compile(r"\*\*`([^`]+)`\*\*")
FILE_AND_NAME = re.compile(r"\*\*`([^`]+)`\*\*:\s+`([^`]+)`")
QUOTED = re.compile(r"`([^`\n]+)`")

# What may be quoted beside names of the code: topics, headers, the schedule that is followed.
HEADERS = {value for value in vars(headers).values() if isinstance(value, str)}
KNOWN = {*PLANNED.by_name, *HEADERS, "polls.close_expired"}


@cache
def names(path: str) -> frozenset[str]:
    """What a file declares: functions (those inside others, too), classes, `Class.method`, and constants."""
    return frozenset(_names(ast.parse((ROOT / path).read_text()), ""))


def _names(node: ast.AST, inside: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield inside + name
                yield from _names(child, "")
            case ast.ClassDef(name=name):
                yield name
                yield from _names(child, f"{name}.")
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield inside + name


def title(section: str) -> str:
    return section.splitlines()[0].lstrip("# ")


@pytest.mark.parametrize("section", SECTIONS, ids=title)
def test_every_file_is_there_and_has_the_name_behind_it(section: str) -> None:
    missing = [path for path in FILE.findall(section) if not (ROOT / path).is_file()]
    assert missing == []

    assert [(path, name) for path, name in FILE_AND_NAME.findall(section) if name not in names(path)] == []


@pytest.mark.parametrize("section", SECTIONS, ids=title)
def test_every_name_stands_in_a_file_of_its_section(section: str) -> None:
    there = {name for path in FILE.findall(section) for name in names(path)}

    unknown = [
        each
        for each in QUOTED.findall(FILE.sub("", section))
        if each not in there | KNOWN and not each.startswith("treadle ") and not (ROOT / each).is_dir()
    ]

    assert unknown == []


def test_the_walk_leads_through_the_whole_consumer() -> None:
    rooms = {
        path.split("/")[1] for section in SECTIONS for path in FILE.findall(section) if "consumers/" in path
    }

    there = {
        path.name for path in (ROOT / "consumers").iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert there <= rooms
