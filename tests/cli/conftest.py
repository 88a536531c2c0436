"""A recognizer that hears what the file name says, so that the command line is tested without a model."""

from __future__ import annotations

import importlib.util
import io
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonet import audio, cli
from resonet.errors import BundleError, ResonetError
from resonet.text.transcript import Segment, Transcript, Word


def transcript(text: str, duration: float = 1.0) -> Transcript:
    words = text.split()
    step = duration / max(1, len(words))
    timed = tuple(Word(word, i * step, (i + 1) * step, 0.5) for i, word in enumerate(words))
    return Transcript(text, timed, (Segment(0.0, duration, text),) if text else (), duration, "en")


class FakeRecognizer:
    """Reads each file as the real one does, and gives the words of its name (a_b.wav -> "a b")."""

    loaded: list[tuple[Any, Any]]

    def __init__(self) -> None:
        self.heard: list[np.ndarray] = []

    @classmethod
    def load(cls, name_or_path: str | None = None, threads: int | None = None) -> FakeRecognizer:
        if name_or_path == "no-such-bundle":
            raise BundleError("no bundle 'no-such-bundle' is installed", "resonet bundle list")
        return cls()

    def transcribe(self, source: Any, sample_rate: int | None = None) -> Transcript:
        if isinstance(source, np.ndarray):
            return transcript("spoken into the microphone", len(source) / 16000)
        self.heard.append(audio.read(source))
        return transcript(Path(source).stem.replace("_", " "), len(self.heard[-1]) / 16000)

    def transcribe_many(self, paths: Sequence[Path], **_: Any) -> Iterator[tuple[Path, Transcript | ResonetError]]:
        for path in paths:
            try:
                yield path, self.transcribe(path)
            except ResonetError as error:
                yield path, error


@dataclass
class Ran:
    code: int
    out: str
    err: str


@dataclass
class CommandLine:
    capture: Any
    recognizers: list[FakeRecognizer] = field(default_factory=list)

    def __call__(self, *arguments: object) -> Ran:
        code = cli.main([str(argument) for argument in arguments])
        captured = self.capture.readouterr()
        return Ran(code, captured.out, captured.err)


@pytest.fixture
def resonet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Runs a command line in this process, with the fake recognizer in place of the runtime."""
    line = CommandLine(capsys)

    class Recorded(FakeRecognizer):
        def __init__(self) -> None:
            super().__init__()
            line.recognizers.append(self)

    runtime = types.ModuleType("resonet.runtime")
    runtime.Recognizer = Recorded  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "resonet.runtime", runtime)
    return line


@pytest.fixture
def tone(tmp_path: Path) -> Callable[..., Path]:
    """Writes a recording of a faint tone below the test's folder."""

    def write(name: str, seconds: float = 0.5, rate: int = 16000) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        time = np.arange(int(seconds * rate)) / rate
        audio.write(path, (0.1 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), rate)
        return path

    return write


@pytest.fixture(scope="session")
def small() -> Any:
    """The module that makes tiny bundles, of the tests of the runtime."""
    pytest.importorskip("onnx")
    spec = importlib.util.spec_from_file_location(
        "small_spotters", Path(__file__).parents[1] / "runtime" / "small_spotters.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tones(small: Any, tmp_path_factory: pytest.TempPathFactory) -> types.SimpleNamespace:
    """Paths of bundles that hear tones: a classifier with and one without an embedder, and a recognizer."""
    folder = tmp_path_factory.mktemp("tones")
    return types.SimpleNamespace(
        bundle=small.classifier(folder / "tones.resonet"),
        bare=small.classifier(folder / "bare.resonet", embed=False),
        phones=small.recognizer(folder / "phones.resonet"),
    )


@pytest.fixture
def spotting(
    tones: types.SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    """Runs a command line in this process, with the tones installed and nothing enrolled."""
    monkeypatch.setenv("RESONET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RESONET_BUNDLE_CLASSIFIER", str(tones.bundle))
    monkeypatch.setenv("RESONET_BUNDLE_RECOGNIZER", str(tones.phones))
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)
    return CommandLine(capsys)


@pytest.fixture
def clip(small: Any, tmp_path: Path) -> Callable[..., Path]:
    """Writes parts of sound, one after the other, below the test's folder."""

    def make(name: str, *parts: np.ndarray) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write(path, np.concatenate([*parts, small.quiet(0)]), small.RATE)
        return path

    return make


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts bytes on standard input."""

    def feed(data: bytes, terminal: bool = False) -> None:
        stream = io.BytesIO(data)
        stream.isatty = lambda: terminal  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=stream))

    return feed
