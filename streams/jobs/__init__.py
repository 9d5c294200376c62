"""The catalogue of work: one small class per kind, by family. Importing this package declares them all."""

from streams.jobs import events, polls, search, threads

__all__ = ["events", "polls", "search", "threads"]
