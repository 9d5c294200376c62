"""The words: what people of this field say, and none of those that only we said (`docs/glossary.md`)."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).relative_to(ROOT).as_posix()
NOT_OURS = ("requirements/", "LICENSE", "tests/fidelity/golden/", "bench/results/", HERE)

# What is no longer said, as a pattern, and what is said instead. Words that have another, plain meaning are not here.
SAID_INSTEAD = {
    r"parcels?": "work item",
    r"intakes?": "fetcher",
    r"lanes?": "ready queue",
    r"stations?": "ready queues",
    r"pickers?": "round robin",
    r"tenures?": "ownership",
    r"overdue": "watchdog, stuck",
    r"hurry": "commit soon",
    r"twins?": "duplicates",
    r"put(ting|s)? off": "snooze",
    r"used[ _]up|usedup": "exhausted",
    r"most_(later|crashes)": "MAX_SNOOZES, MAX_CRASHES",
    r"treadle_later": "treadle_snoozes",
    r"treadle\.orders": "treadle.overrides",
    r"(lost|loses|lose) its end": "truncated",
    r"at[ _]work": "in flight",
    r"under[ _]way": "in flight",
    r"(goes|go|going|went|sent|send|sends|sending) home": "returns to its queue, is sent back",
    r"ring[-_ ]now": "run now",
    r"ground": "environment",
    r"spans of offsets": "offset ranges",
    r"somebody|(?<!`)(?<!\")nobody": "someone else, no one, no process",  # as a quoted name it is a user of the system
    r"anew": "again, from scratch",
    r"told": "reported, said",
}


def texts() -> Iterator[tuple[str, str]]:
    """Every file of the project that a person reads, with its text."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in sorted(set(listed.stdout.splitlines())):
        path = ROOT / name
        if path.is_file() and not name.startswith(NOT_OURS) and path.suffix not in (".svg", ".sql"):
            yield name, path.read_text()


@pytest.mark.parametrize("word", SAID_INSTEAD)
def test_a_word_that_only_we_said_is_gone(word: str) -> None:
    said = re.compile(rf"(?<![A-Za-z])(?:{word})(?![A-Za-z])", re.IGNORECASE)

    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts()
        for number, line in enumerate([name, *text.splitlines()])
        if said.search(line)
    ]

    assert found == [], f"say instead: {SAID_INSTEAD[word]}"
