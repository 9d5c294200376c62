"""Commands called in this process leave its logging as it is."""

import pytest


@pytest.fixture(autouse=True)
def _logging_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.process.logs.configure", lambda level="info": None)
