"""Loads the catalogue of work: our kinds, workers and agents, and those of the shop."""

import importlib
import sys
from pathlib import Path

from streams.errors import ConfigError
from streams.job import Kinds


def load_kinds(modules: str) -> Kinds:
    """Import our job classes and the modules named (comma separated), and return all kinds.

    A module may be in the current folder. Raises ConfigError when one cannot be imported.
    """
    importlib.import_module("streams.jobs")
    _import_named(modules)
    return Kinds.declared()


def load_workers(modules: str) -> Kinds:
    """As `load_kinds`, but with the code of all workers and agents."""
    for ours in ("streams.jobs", "streams.agents", "consumers.workers"):
        importlib.import_module(ours)
    _import_named(modules)
    return Kinds.declared()


def _import_named(modules: str) -> None:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    for name in filter(None, (name.strip() for name in modules.split(","))):
        try:
            importlib.import_module(name)
        except Exception as error:
            raise ConfigError(
                f"TREADLE_WORKERS names {name}, which cannot be imported: {type(error).__name__}: {error}"
            ) from error
