"""Checkpoints are written whole or not at all."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from resonet.errors import TrainError
from resonet.train import checkpoints


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    content = {"network": {"w": torch.arange(3.0)}, "progress": {"step": 3, "last": {"wer": 1.5}}, "norms": [1.0]}
    checkpoints.save(tmp_path / "checkpoint.pt", content)
    found = checkpoints.load(tmp_path / "checkpoint.pt")
    assert torch.equal(found.pop("network")["w"], torch.arange(3.0))
    assert found == {"progress": content["progress"], "norms": [1.0]}
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("where", ["write", "sync", "rename"])
def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoints.save(path, {"step": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    if where == "write":  # a file may grow to 100 kB only: what torch itself makes of a write that fails
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    else:
        monkeypatch.setattr(checkpoints.os, "fsync", full) if where == "sync" else monkeypatch.setattr(
            Path, "replace", full
        )
    try:
        with pytest.raises(TrainError, match="cannot be written") as caught:
            checkpoints.save(path, {"step": 2, "network": torch.zeros(300_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        monkeypatch.undo()
    assert "--resume" in caught.value.hint
    assert checkpoints.load(path) == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="there is no checkpoint"):
        checkpoints.load(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("nothing")
    checkpoints.save(tmp_path / "cut.pt", {"w": torch.zeros(1000)})
    (tmp_path / "cut.pt").write_bytes((tmp_path / "cut.pt").read_bytes()[:2000])
    for name in ("text.pt", "cut.pt"):
        with pytest.raises(TrainError, match=f"{name} is damaged"):
            checkpoints.load(tmp_path / name)


def test_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"network": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(TrainError, match="is damaged"):
        checkpoints.load(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()
