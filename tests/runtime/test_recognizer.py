from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet import audio
from resonet.errors import AudioError, UsageError
from resonet.runtime import Recognizer
from resonet.runtime.acoustic import AcousticStream
from resonet.text.transcript import Transcript

SAMPLES = Path(__file__).parents[2] / "samples"


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise whose loudness and colour change, so that outputs do too."""
    rng = np.random.default_rng(seed)
    n = int(seconds * 16000)
    tones = np.sin(np.cumsum(rng.uniform(0.02, 1.5, n // 800 + 1).repeat(800)[:n]))
    return (0.1 * tones + 0.02 * rng.normal(size=n)).astype(np.float32)


def test_batch_equals_single(recognizer: Recognizer) -> None:
    recordings = [sound(s, i) for i, s in enumerate((0.3, 2.0, 5.1, 0.01, 3.3))]
    together = recognizer._acoustic.scores(recordings)
    for one, whole in zip(recordings, together, strict=True):
        assert np.abs(recognizer._acoustic.scores([one])[0] - whole).max() < 1e-4
        assert len(whole) == -(-len(one) // 640)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 9000), min_size=1, max_size=12))
def test_stream_equals_whole(recognizer: Recognizer, cuts: list[int]) -> None:
    samples = sound(sum(cuts) / 16000)[: sum(cuts)]
    stream = AcousticStream(recognizer._acoustic)
    pieces = [stream.push(p) for p in np.split(samples, np.cumsum(cuts)[:-1])]
    scores = np.concatenate([*pieces, stream.finish()])
    whole = recognizer._acoustic.scores([samples])[0]
    assert np.abs(scores[: len(whole)] - whole).max(initial=0) < 1e-4


def test_many_equals_one_by_one_in_order(recognizer: Recognizer, tmp_path: Path) -> None:
    paths = [SAMPLES / "english-2.opus", tmp_path / "bad.wav", SAMPLES / "english-1.opus", SAMPLES / "english-1.flac"]
    paths[1].write_text("no sound")
    found = list(recognizer.transcribe_many(paths))
    assert [p for p, _ in found] == paths
    assert isinstance(found[1][1], AudioError) and "bad.wav" in str(found[1][1])
    for path, result in (found[0], found[2], found[3]):
        assert isinstance(result, Transcript)
        assert result == recognizer.transcribe(path)
        assert result.words and all(0 <= w.start <= w.end <= result.duration for w in result.words)
        assert " ".join(w.word for w in result.words) == result.text == " ".join(s.text for s in result.segments)


def test_long_recording_is_streamed_and_loses_nothing(recognizer: Recognizer, tmp_path: Path) -> None:
    joined = np.concatenate([audio.read(SAMPLES / f"english-{i}.opus") for i in (1, 2, 3, 4)] * 12)
    audio.write(tmp_path / "long.flac", joined, 16000)
    ((_, result),) = recognizer.transcribe_many([tmp_path / "long.flac"])
    assert isinstance(result, Transcript)
    assert abs(result.duration - len(joined) / 16000) < 0.01
    starts = [w.start for w in result.words]
    assert starts == sorted(starts) and max(starts) > 0.95 * result.duration


def test_kinds_of_source(recognizer: Recognizer) -> None:
    path = SAMPLES / "english-1.flac"
    text = recognizer.transcribe(path).text
    assert recognizer.transcribe(str(path)).text == text
    assert recognizer.transcribe(path.read_bytes()).text == text
    with path.open("rb") as file:
        assert recognizer.transcribe(file).text == text
    assert recognizer.transcribe(audio.read(path), sample_rate=16000).text == text


def test_bad_samples(recognizer: Recognizer) -> None:
    with pytest.raises(UsageError):
        recognizer.transcribe(np.zeros(100, np.float32))
    with pytest.raises(AudioError):
        recognizer.transcribe(np.full(100, np.nan, np.float32), sample_rate=16000)
    with pytest.raises(AudioError):
        recognizer.transcribe(np.zeros((2, 100), np.float32), sample_rate=16000)


def test_nothing_and_next_to_nothing(recognizer: Recognizer) -> None:
    assert recognizer.transcribe(np.zeros(0, np.float32), sample_rate=16000).text == ""
    assert recognizer.transcribe(np.zeros(800, np.float32), sample_rate=16000).duration == 0.05


def test_stream_of_words_is_the_whole_text(recognizer: Recognizer) -> None:
    samples = audio.read(SAMPLES / "english-1.opus")
    stream = recognizer.stream()
    words = [w for i in range(0, len(samples), 5000) for w in stream.push(samples[i : i + 5000])]
    words += stream.finish()
    assert [w.word for w in words] == [w.word for w in stream.transcript().words]
    assert abs(stream.transcript().duration - len(samples) / 16000) < 1e-6
