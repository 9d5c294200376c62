"""What the one-machine stack decides before anything is started."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import ConfigError
from treadle.local import state as states
from treadle.local.java import find_java
from treadle.local.stack import Stack, cache_folder, default_home


def a_java(folder: Path, version: str) -> Path:
    """A program that says it is this version of Java."""
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize("version", ["17", "17.0.15", "21.0.1", "25"])
def test_a_recent_java_is_taken(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = a_java(tmp_path, version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    assert find_java() == str(java)


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "16"])
def test_an_old_java_is_passed_over(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_java(tmp_path / "old", version)
    recent = a_java(tmp_path / "recent", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", str(recent.parent), prepend=os.pathsep)

    assert find_java() == str(recent)


def test_without_a_java_the_message_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = a_java(tmp_path, "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr("treadle.local.java.shutil.which", lambda _: None)
    monkeypatch.setattr("treadle.local.java.importlib.util.find_spec", lambda _: None)

    with pytest.raises(ConfigError, match=r"Java 17 or later") as refused:
        find_java()

    assert f"{old} is 11" in str(refused.value)
    assert "pip install" in str(refused.value)


@given(st.text('abcdefgh ü/,"', max_size=300))
def test_a_socket_has_a_path_that_can_be_told_however_the_folder_is_called(name: str) -> None:
    state = states.choose(Path("/home") / name.lstrip("/"))

    socket = Path(state.socket_folder) / ".s.PGSQL.5432"

    assert len(os.fsencode(socket)) <= states.LONGEST_SOCKET
    assert not {",", '"'} & set(str(socket))


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = states.choose(tmp_path)

    states.write(tmp_path, state)

    assert states.read(tmp_path) == state


def test_a_state_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / states.FILE).write_text("{")

    with pytest.raises(ConfigError, match=r"cannot be read"):
        states.read(tmp_path)


def test_the_folders_follow_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere/state")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/home/ada")

    assert default_home() == Path("/somewhere/state/treadle/default")
    assert cache_folder() == Path("/home/ada/.cache/treadle")


def test_a_stack_that_never_was_up_has_no_address(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "stack")

    with pytest.raises(ConfigError, match=r"treadle local up"):
        _ = stack.kafka

    assert not stack.home.exists()
