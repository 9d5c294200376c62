"""The catalogue: our kinds and workers, and those of the shop."""

from pathlib import Path

import pytest

from consumers.worker import declared
from streams.errors import ConfigError
from treadle.catalogue import load_kinds, load_workers


def test_every_kind_of_ours_has_its_worker() -> None:
    kinds = load_workers("")

    ours = [kind.name for kind in kinds.values() if kind.job_class.__module__.startswith("streams.")]
    assert {"polls.close", "agents.react", "events.publish"} <= set(ours)
    assert [name for name in ours if declared.find(name) is None] == []


def test_a_module_of_the_shop_is_loaded_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("bakery_jobs.py").write_text(
        'from treadle import Job\nclass Bake(Job, kind="bakery.bake"):\n    loaves: int = 1\n'
    )

    kinds = load_kinds(" bakery_jobs , ")

    assert kinds["bakery.bake"].fields == ("loaves",)
    assert "polls.close" in kinds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "TREADLE_WORKERS names nowhere_jobs, which cannot be imported: ModuleNotFoundError"),
        ("1/0", "TREADLE_WORKERS names nowhere_jobs, which cannot be imported: ZeroDivisionError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    if text:
        (tmp_path / "nowhere_jobs.py").write_text(text)

    with pytest.raises(ConfigError, match=message):
        load_kinds("nowhere_jobs")
