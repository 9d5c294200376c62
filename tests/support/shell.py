"""Runs Treadle's commands in one folder, with the same settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.support.commands import Commands, Done, environment


@dataclass
class Shell:
    """The settings, named without TREADLE_, are the only ones. For `fresh` see `commands.py`."""

    commands: Commands
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of the tests, with no settings but those of this shell and those given."""
        return environment(**self.settings | more)

    def treadle(self, *arguments: str, stdin: str | bytes = "", fresh: bool = False, **settings: str) -> Done:
        """Run one command to its end. Its fetches return quickly: other requests wait behind an empty fetch."""
        return self.commands.run(
            *arguments,
            folder=self.folder,
            environment=self.environment(**{"KAFKA_FETCH_WAIT_MAX_MS": "10", **settings}),
            stdin=stdin.encode() if isinstance(stdin, str) else stdin,
            fresh=fresh,
        )
