"""Which Java is chosen to run Kafka."""

import os
from pathlib import Path

import pytest

from streams.errors import ConfigError
from treadle.dev.local.java import find_java


def a_java(folder: Path, version: str) -> Path:
    """A program that claims to be this version of Java."""
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
    monkeypatch.setattr("treadle.dev.local.java.shutil.which", lambda _: None)
    monkeypatch.setattr("treadle.dev.local.java.importlib.util.find_spec", lambda _: None)

    with pytest.raises(ConfigError, match=r"Java 17 or later") as refused:
        find_java()

    assert f"{old} is 11" in str(refused.value)
    assert "pip install" in str(refused.value)
