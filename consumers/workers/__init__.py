"""The workers: one file per family, one function per kind. Importing this package declares them all."""

from consumers.workers import agents, events, polls, search, threads

__all__ = ["agents", "events", "polls", "search", "threads"]
