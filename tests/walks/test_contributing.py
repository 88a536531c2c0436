"""The three diffs of CONTRIBUTING.md, applied: each file is found by being there, and works."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner

from resonet import audio

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts the file of a diff into a folder that its package looks through too, and imports it."""

    def add(path: str) -> ModuleType:
        diffs = re.findall(r"^\+\+\+ b/(\S+)\n@@ .* @@\n((?:\+.*\n)+)", (ROOT / "CONTRIBUTING.md").read_text(), re.M)
        (tmp_path / "added").mkdir()
        lines = dict(diffs)[path].splitlines(keepends=True)
        (tmp_path / "added" / Path(path).name).write_text("".join(line[1:] for line in lines))
        package = importlib.import_module(Path(path).parent.as_posix().removeprefix("src/").replace("/", "."))
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "added")])
        return importlib.import_module(f"{package.__name__}.{Path(path).stem}")

    return add


def test_a_verb(added, tmp_path: Path) -> None:
    from resonet import cli

    verb = added("src/resonet/cli/info.py")
    assert "info" in cli.verbs()
    audio.write(tmp_path / "a.wav", np.zeros(8000, np.float32), 16000)
    result = CliRunner().invoke(verb.command, [str(tmp_path / "a.wav")])
    assert result.output.split("\t")[1:4] == ["0.500", "16000", "1"]


def test_a_corpus_reader(added, tmp_path: Path) -> None:
    reader = added("src/resonet/data/corpora/vctk.py")
    (tmp_path / "txt" / "p225").mkdir(parents=True)
    (tmp_path / "wav48_silence_trimmed").mkdir()
    (tmp_path / "txt" / "p225" / "p225_001.txt").write_text("Please call Stella.\n")
    assert reader.reads(tmp_path)
    (found,) = reader.utterances(tmp_path)
    assert (found.id, found.speaker, found.text) == ("p225_001", "p225", "Please call Stella.")
    assert found.audio == tmp_path / "wav48_silence_trimmed" / "p225" / "p225_001_mic1.flac"


def test_a_family(added) -> None:
    torch = pytest.importorskip("torch")
    from resonet.models import registry

    module = added("src/resonet/models/recognizers/tdnn.py")
    assert "tdnn" in registry.families()
    torch.manual_seed(0)
    network = module.Network(registry.configure(module, "1m"), 30).eval()
    pcm = torch.randn(2, 7 * network.stride) * 0.1
    with torch.no_grad():
        (whole,) = network.scores(pcm)
        state, parts = torch.zeros(2, network.state_size), []
        for chunk in pcm.split(2 * network.stride, 1):
            scores, state = network(chunk, state)
            parts.append(scores)
    assert whole.shape == (2, 7, 30)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-4, rtol=0)
