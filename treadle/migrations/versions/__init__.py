"""The migrations, by number. A released one is never edited."""
