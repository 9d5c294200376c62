"""The catalogue of work: one small class per kind, by family. Importing this package declares them all."""

from streams.jobs import agents, events, polls, search, threads

__all__ = ["agents", "events", "polls", "search", "threads"]
