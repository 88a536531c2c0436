"""What a voice learns from: levelled sound, features that are kept, batches, durations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sung_speech import RATE, READERS, corpus, sing

from resonet.bundle.mel import MelConfig
from resonet.data import load
from resonet.errors import UsageError
from resonet.train import recipe, voice_corpus, voice_data
from resonet.train.tasks import align_voice

MEL = MelConfig()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> voice_corpus.VoiceCorpus:
    place = tmp_path_factory.mktemp("voice")
    data = load.resolve(corpus(place / "sung", 6), cache=place / "data", language="la")
    utterances = load.utterances(data, "train")
    waves = voice_corpus.sounds(utterances, place / "cache", MEL, None)
    speakers = voice_corpus.Speakers.of(utterances, waves, MEL)
    units = [[1, 2, 3, 4], [1, 2], [1, 2, 3], [4, 4]]
    return voice_corpus.VoiceCorpus(waves, units, speakers, ["la"], place / "features" / "train", mel=MEL, default="la")


def test_recordings_come_to_one_level_and_lose_their_silence() -> None:
    sound = sing("mama misa", 200.0)
    for gain in (0.02, 1.0, 5.0):
        found = voice_corpus.levelled(np.clip(sound * gain, -1, 1), RATE)
        assert abs(len(found) - (len(sound) - 2 * RATE // 10)) < RATE // 20
        _, _, level = voice_corpus.speech_span(found, RATE)
        assert level == pytest.approx(-23, abs=0.5) or np.abs(found).max() == pytest.approx(voice_corpus.PEAK, abs=1e-3)
        assert np.abs(found).max() <= voice_corpus.PEAK + 1e-3 and found.dtype == np.float32
    silence = np.zeros(1000, np.float32)
    assert voice_corpus.levelled(silence, RATE) is silence


def test_who_is_named_first_speaks_first(small: voice_corpus.VoiceCorpus) -> None:
    names = ["nobody", "sung/bob"]
    speakers = voice_corpus.Speakers.of(small.utterances, small.waves, MEL, names)
    assert speakers.names == ("sung/bob", "sung/ann")
    assert speakers.ranges == small.speakers.ranges[::-1]


def test_features_are_those_of_the_sound_and_are_made_once(small: voice_corpus.VoiceCorpus) -> None:
    assert small.speakers.names == ("sung/ann", "sung/bob")
    for name, bounds in zip(small.speakers.names, small.speakers.ranges, strict=True):
        assert np.exp(bounds.mean) == pytest.approx(READERS[name.split("/")[1]], rel=0.05)
    for i in range(len(small)):
        sound = small.waves.sound(i)
        np.testing.assert_allclose(small.mel(i), MEL.spectrogram(sound), atol=0.01)
        assert len(small.pitch(i)) == small.frames(i) == len(sound) // 256
        voiced = small.pitch(i)[small.pitch(i) > 0]
        assert np.median(voiced) == pytest.approx(np.exp(small.speakers.ranges[small.speaker[i]].mean), rel=0.05)
    file = small._file("mel")
    before = file.stat().st_mtime_ns
    place = file.with_suffix("")
    again = voice_corpus.VoiceCorpus(small.waves, small.units, small.speakers, ["la"], place, mel=MEL, default="la")
    assert file.stat().st_mtime_ns == before and again.key == small.key
    other = voice_corpus.VoiceCorpus(small.waves, [[1]] * 4, small.speakers, ["la"], place, mel=MEL, default="la")
    assert other.key != small.key and file.stat().st_mtime_ns == before  # units are no feature


def test_batches_hold_every_utterance_once_and_pad_with_zeros(small: voice_corpus.VoiceCorpus) -> None:
    drawn = [d.index for draws in small.draws(0, 3.0, 0) for d in draws]
    assert sorted(drawn) == [0, 1, 2, 3] == sorted(i for rows in voice_corpus.by_length(small, 3.0) for i in rows)
    made = voice_corpus.batch(small, [0, 1])
    assert made.units.tolist() == [[1, 2, 3, 4], [1, 2, 0, 0]] and made.lengths.tolist() == [4, 2]
    short = int(made.frames.argmin())
    assert not made.mel[short, made.frames[short] :].any() and made.seconds > 0


def test_durations_come_back_for_the_same_corpus_alone(small: voice_corpus.VoiceCorpus, tmp_path: Path) -> None:
    durations = [np.full(len(u), small.frames(i) // len(u)) for i, u in enumerate(small.units)]
    align_voice.save_durations(tmp_path / "d.npz", train=("key", durations))
    found = align_voice.load_durations(tmp_path / "d.npz", "train", "key")
    assert found is not None and all((a == b).all() for a, b in zip(found, durations, strict=True))
    assert align_voice.load_durations(tmp_path / "d.npz", "train", "other") is None
    assert align_voice.load_durations(tmp_path / "d.npz", "dev", "key") is None
    assert align_voice.load_durations(tmp_path / "none.npz", "train", "key") is None
    (tmp_path / "bad.npz").write_bytes(b"PK no archive")
    assert align_voice.load_durations(tmp_path / "bad.npz", "train", "key") is None


def test_prosody_is_the_mean_of_a_units_frames(small: voice_corpus.VoiceCorpus) -> None:
    durations = []
    for i, units in enumerate(small.units):
        frames = np.full(len(units), small.frames(i) // len(units))
        frames[-1] += small.frames(i) - frames.sum()
        durations.append(frames)
    levels = align_voice.energies(small)
    found = align_voice.prosody(small, durations, levels)
    one = found[0]
    mean, deviation = levels[small.speaker[0]]
    first = (align_voice.loudness(small.mel(0)[: durations[0][0]]).mean() - mean) / deviation
    assert one.energy[0] == pytest.approx(first, abs=1e-3) and one.pitch.shape == one.energy.shape == (4,)
    assert np.abs(one.pitch).max() < 4


def test_sentences_that_nothing_may_learn_are_left_out(small: voice_corpus.VoiceCorpus, tmp_path: Path) -> None:
    told: list[str] = []
    file = tmp_path / "secret.txt"
    file.write_text(small.utterances[0].text.upper() + "\n\nsomething else\n")
    plan = recipe.load("voice", [f"voice.without=[{file}]"])
    (kept,) = voice_data.kept_out([small.utterances], plan, lambda _kind, text: told.append(text))  # type: ignore[arg-type]
    assert small.utterances[0] not in kept and len(kept) >= 1 and "may learn from" in told[0]
    with pytest.raises(UsageError, match="cannot be read"):
        voice_data.kept_out([[]], recipe.load("voice", ["voice.without=[none.txt]"]), lambda *_: None)  # type: ignore[arg-type]


def test_speakers_are_called_as_people_call_them(small: voice_corpus.VoiceCorpus) -> None:
    import dataclasses

    def called(speaker: str, names: dict[str, str]) -> str:
        return voice_data.named([dataclasses.replace(small.utterances[0], speaker=speaker)], names)[0].speaker

    assert called("kerstin-de/reader", {}) == "kerstin-de" == called("kerstin-de/unknown", {})
    assert called("kerstin-de/reader", {"kerstin-de": "Kerstin"}) == "Kerstin"
    assert called("corpus/ann", {"corpus/ann": "Ann"}) == "Ann" and called("", {}) == "unknown"
