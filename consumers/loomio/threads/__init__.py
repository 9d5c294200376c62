"""Threads: their items, their counts, their readers, and how they are repaired."""
