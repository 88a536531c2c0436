from __future__ import annotations

import json
import signal
import threading
import time
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet import audio
from resonet.bundle import Bundle, write
from resonet.decoding.segment import segments
from resonet.errors import AudioError, BundleError, UsageError
from resonet.runtime import Recognizer
from resonet.runtime.acoustic import AcousticStream
from resonet.runtime.words import Part, Words
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
    assert scores.shape == whole.shape
    assert np.abs(scores - whole).max(initial=0) < 1e-4


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


@pytest.fixture(scope="module")
def long_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine minutes of reading: two portions and a rest."""
    path = tmp_path_factory.mktemp("long") / "long.flac"
    joined = np.concatenate([audio.read(SAMPLES / f"english-{i}.opus") for i in (1, 2, 3, 4)] * 12)
    audio.write(path, joined[: 540 * 16000 + 123], 16000)
    return path


def test_long_recording_is_streamed_and_loses_nothing(recognizer: Recognizer, long_recording: Path) -> None:
    ((_, result),) = recognizer.transcribe_many([long_recording])
    assert isinstance(result, Transcript)
    assert result.duration == 540 + 123 / 16000
    starts = [w.start for w in result.words]
    assert starts == sorted(starts) and max(starts) > 0.95 * result.duration
    assert result == recognizer.transcribe(long_recording)
    # The portions in which it is decoded leave no trace: all at once, it has the same words.
    whole = recognizer._acoustic.scores([audio.read(long_recording)])[0]
    parts = [Part(a, whole[a:b]) for a, b in segments(whole, recognizer._acoustic.shift)]
    expected = [word.word for part in recognizer._words.decode(parts) for word in part]
    found = result.text.split()
    assert abs(len(found) - len(expected)) <= 2
    assert SequenceMatcher(None, found, expected, autojunk=False).ratio() > 0.99


def test_progress_counts_the_seconds_within_a_recording_too(
    recognizer: Recognizer, long_recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.wav").write_text("no sound")
    told: list[float] = []
    paths = [SAMPLES / "english-1.opus", tmp_path / "bad.wav", long_recording]
    found = list(recognizer.transcribe_many(paths, progress=told.append))
    assert sum(told) == pytest.approx(sum(t.duration for _, t in found if isinstance(t, Transcript)))
    assert max(told) <= 30


@pytest.mark.parametrize("many", [False, True])
def test_whoever_stops_waits_for_no_more_than_a_moment(
    recognizer: Recognizer, long_recording: Path, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    """Of a network that takes 0.6 s a call, not the calls that are due: three of the group, ten of the portion."""
    paths = [SAMPLES / "english-1.opus"] * 60 if many else [long_recording]
    step, main, interrupted = recognizer._acoustic.step, threading.main_thread().ident, []

    def slow(pcm: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not interrupted:
            interrupted.append(time.monotonic())
            signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.6)
        return step(pcm[:, :640], state)[0].repeat(pcm.shape[1] // 640, 1), state

    monkeypatch.setattr(recognizer._acoustic, "step", slow)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is started without it
    try:
        with pytest.raises(KeyboardInterrupt):
            list(recognizer.transcribe_many(paths))
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - interrupted[0] < 1.2
    pool = [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPool")]
    for thread in pool:  # on a busy machine they take a moment to end
        thread.join(5)
    assert not any(thread.is_alive() for thread in pool)


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
    with pytest.raises(AudioError):
        recognizer.transcribe(np.zeros(100, np.int16), sample_rate=16000)


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


def test_priors_come_from_the_counts_of_the_training(bundle_path: Path, tmp_path: Path) -> None:
    with Bundle.open(bundle_path) as bundle:
        manifest = json.loads(bundle.read("manifest.json"))
        members = {name: bundle.read(name) for name in bundle.members}
    manifest["decoding"]["prior_weight"] = 0.3
    with (
        Bundle.open(write(tmp_path / "without.resonet", dict(manifest), dict(members))) as bundle,
        pytest.raises(BundleError, match="prior_weight, but no stats"),
    ):
        Words(bundle)
    scores = Recognizer.load(bundle_path, threads=1)._acoustic.scores([sound(3.0)])
    heard = []
    for common in "eq":
        members["stats.json"] = json.dumps({"units": {common: 1_000_000}}).encode()
        with Bundle.open(write(tmp_path / f"{common}.resonet", dict(manifest), dict(members))) as bundle:
            beam = Words(bundle).beam
            assert beam is not None
            heard.append(beam.decode(scores)[0].score)
    assert heard[0] != heard[1]


def test_words_that_silence_explains_as_well_are_left_out(bundle_path: Path) -> None:
    with Bundle.open(bundle_path) as bundle:
        words = Words(bundle)
    assert words.beam is not None
    heard = np.full((6, len(words.units)), np.log(0.001), np.float32)
    for frame, letter in enumerate("no"):
        heard[2 * frame, words.units.symbols.index(letter)], heard[2 * frame, 0] = np.log([0.9, 0.01])
        heard[2 * frame + 1, 0] = np.log(0.95)
    heard[4:, 0] = np.log(0.95)
    (spoken,) = words.decode([Part(10, heard)])
    assert [w.word for w in spoken] == ["no"]
    heard[[0, 2], 0] = np.log(0.5)
    assert [w.text for w in words.beam.decode([heard])] == ["no"]
    assert words.decode([Part(10, heard)]) == [[]]
