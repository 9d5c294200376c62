"""The list of what Treadle uses of Loomio's database keeps up with the queries themselves."""

import ast
from collections import defaultdict
from pathlib import Path

import consumers
from consumers.loomio.schema import metadata
from treadle.checks.loomio_used import USED

_TABLES = metadata.metadata().tables
_NO_QUERIES = {"metadata.py", "tables.py"}


def test_all_that_the_queries_name_is_declared() -> None:
    missing = {table: columns - set(USED.get(table, ())) for table, columns in named_in_queries().items()}

    assert {table: sorted(columns) for table, columns in missing.items() if columns} == {}


def test_nothing_is_declared_that_loomio_does_not_have() -> None:
    unknown = [
        f"{table}.{column}"
        for table, columns in USED.items()
        for column in columns
        if table not in _TABLES or column not in _TABLES[table].columns
    ]

    assert unknown == []


def named_in_queries() -> dict[str, set[str]]:
    """Columns by table, read from the code of `consumers`; rather one too many than one too few.

    `polls.c.title` is a column of polls; a name on its own (`p.title`, `values(title=…)`,
    `"title"`) may belong to every table that the module imports; `select(polls)` takes them all.
    """
    named: dict[str, set[str]] = defaultdict(set)
    for path in Path(consumers.__path__[0]).rglob("*.py"):
        if path.name not in _NO_QUERIES:
            for table, columns in _named_in(ast.parse(path.read_text())).items():
                named[table] |= columns
    return named


def _named_in(module: ast.Module) -> dict[str, set[str]]:
    nodes = list(ast.walk(module))
    tables = {
        name.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == "consumers.loomio.schema.tables"
        for name in node.names
    }
    named: dict[str, set[str]] = {table: set() for table in tables & set(_TABLES)}
    alone: set[str] = set()
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id=table), attr="c"), attr=column) if (
                table in named
            ):
                named[table].add(column)
            case ast.Attribute(attr=name) | ast.keyword(arg=str(name)) | ast.Constant(value=str(name)):
                alone.add(name)
            case ast.Call(func=ast.Name(id="select"), args=args):
                for argument in args:
                    if isinstance(argument, ast.Name) and argument.id in named:
                        named[argument.id] |= set(_TABLES[argument.id].columns.keys())
    return {table: columns | (alone & set(_TABLES[table].columns.keys())) for table, columns in named.items()}
