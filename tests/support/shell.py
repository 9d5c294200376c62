"""Runs commands of treadle's in one folder, with settings that stay."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.support.commands import Commands, Done, environment


@dataclass
class Shell:
    """Settings are named without TREADLE_; there are no others. `fresh` of a start: see `commands.py`."""

    commands: Commands
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self, **more: str) -> dict[str, str]:
        """Our own environment, with no settings but those of this shell and those given."""
        return environment(**self.settings | more)

    def treadle(self, *arguments: str, stdin: str | bytes = "", fresh: bool = False, **settings: str) -> Done:
        """Run one command to its end. It waits out no empty fetch, behind which all other questions stand."""
        return self.commands.run(
            *arguments,
            folder=self.folder,
            environment=self.environment(**{"KAFKA_FETCH_WAIT_MAX_MS": "10", **settings}),
            stdin=stdin.encode() if isinstance(stdin, str) else stdin,
            fresh=fresh,
        )
