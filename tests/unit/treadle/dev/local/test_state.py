"""What a stack remembers between commands."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import ConfigError
from treadle.dev.local import state as states


@given(st.text('abcdefgh ü/,"', max_size=300))
def test_a_socket_has_a_usable_path_whatever_the_name_of_the_folder(name: str) -> None:
    state = states.choose(Path("/home") / name.lstrip("/"))

    socket = Path(state.socket_folder) / ".s.PGSQL.5432"

    assert len(os.fsencode(socket)) <= states.LONGEST_SOCKET
    assert not {",", '"'} & set(str(socket))


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = states.choose(tmp_path)

    states.write(tmp_path, state)

    assert states.read(tmp_path) == state


def test_a_state_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / states.FILE).write_text("{")

    with pytest.raises(ConfigError, match=r"cannot be read"):
        states.read(tmp_path)
