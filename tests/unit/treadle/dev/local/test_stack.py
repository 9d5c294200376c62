"""The folders and addresses of a stack, before anything is started."""

from pathlib import Path

import pytest

from streams.errors import ConfigError
from treadle.dev.local.stack import Stack, cache_folder, default_home


def test_the_folders_follow_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere/state")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/home/ada")

    assert default_home() == Path("/somewhere/state/treadle/default")
    assert cache_folder() == Path("/home/ada/.cache/treadle")


def test_a_stack_that_was_never_up_has_no_address(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "stack")

    with pytest.raises(ConfigError, match=r"treadle local up"):
        _ = stack.kafka

    assert not stack.home.exists()
