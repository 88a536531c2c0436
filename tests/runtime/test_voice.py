"""A voice whose letters are tones: what it says, when, how loud, in which pieces; and what it refuses."""

from __future__ import annotations

import itertools
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

small = pytest.importorskip("small_voices", reason="onnx is not installed", exc_type=ImportError)

from resonet.bundle import Bundle  # noqa: E402
from resonet.errors import BundleError, DataError, UsageError  # noqa: E402
from resonet.runtime import Voice  # noqa: E402
from resonet.runtime.level import CEILING  # noqa: E402
from resonet.runtime.vocoder import Vocoder  # noqa: E402

FRAME = small.HOP / small.RATE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("voices")


@pytest.fixture(scope="module")
def make(folder: Path) -> Callable[..., Voice]:
    """Voices by the arguments of `small_voices.voice`."""
    numbers = itertools.count()
    return lambda **how: Voice.load(small.voice(folder / f"voice-{next(numbers)}.resonet", **how), threads=1)


@pytest.fixture(scope="module")
def voice(make: Callable[..., Voice]) -> Voice:
    return make()


def pitch(samples: np.ndarray, start: float, end: float) -> float:
    """The strongest frequency of a stretch, Hz."""
    part = samples[round(start * small.RATE) : round(end * small.RATE)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 15))
    return float(spectrum.argmax() * small.RATE / (1 << 15))


def level(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples.astype(np.float64) ** 2)) + 1e-12))


def test_words_sound_where_they_are_said_to(voice: Voice) -> None:
    speech = voice.speak("abba, cc. Dd e?")
    assert [word.text.strip(",.?") for word in speech.words] == ["abba", "cc", "Dd", "e"]
    for word in speech.words:
        letters = word.text.strip(",.?").lower()
        assert word.end - word.start == pytest.approx(len(letters) * small.FRAMES * FRAME)
        for i, letter in enumerate(letters):
            start = word.start + i * small.FRAMES * FRAME
            heard = pitch(speech.samples, start + FRAME, start + (small.FRAMES - 1) * FRAME)
            assert heard == pytest.approx(small.hertz(letter), abs=8)
    assert speech.sample_rate == small.RATE and speech.samples.dtype == np.float32


def test_words_rise_and_end_within_the_sound(voice: Voice) -> None:
    text = "One two three. " * 40 + "\n\nAnd the rest; of it: all!"
    speech = voice.speak(text)
    times = [time for word in speech.words for time in (word.start, word.end)]
    assert times == sorted(times) and times[-1] <= len(speech.samples) / small.RATE
    assert len(speech.words) == 126
    # Whole samples: nothing drifts, however long the text.
    places = np.array(times) * small.RATE
    assert np.abs(places - np.rint(places)).max() < 1e-6
    for word in speech.words:
        assert text[slice(*word.characters)] == word.text


def test_a_stream_is_the_whole_and_begins_at_once(voice: Voice) -> None:
    text = "The quick brown fox jumps over the lazy dog. It does. " * 3
    speech, chunks = voice.speak(text), list(voice.stream(text))
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), speech.samples)
    assert [chunk.start for chunk in chunks] == np.cumsum([0, *(len(c.samples) for c in chunks[:-1])]).tolist()
    assert 0 < len(chunks[0].samples) < 0.2 * small.RATE
    assert max(len(chunk.samples) for chunk in chunks) < 4 * small.RATE
    for chunk in chunks:
        for word in chunk.words:
            assert chunk.start < word.end * small.RATE + 0.5 < chunk.start + len(chunk.samples) + 1
    assert tuple(word for chunk in chunks for word in chunk.words) == speech.words


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 120), st.lists(st.integers(1, 50), max_size=12), st.integers(0, 9))
def test_chunks_are_the_whole(frames: int, sizes: list[int], seed: int) -> None:
    mel = np.random.default_rng(seed).normal(-4, 2, (frames, small.MELS)).astype(np.float32)
    (whole,) = VOCODER.chunks(mel, [frames])
    chunks = list(VOCODER.chunks(mel, sizes))
    assert all(len(chunk) >= small.HOP for chunk in chunks)
    assert len(whole) == frames * small.HOP
    np.testing.assert_allclose(np.concatenate(chunks), whole, atol=1e-4 * np.abs(whole).max())


VOCODER = Vocoder(small.vocoder(), 1, where="vocoder.onnx", hop=small.HOP, context=small.CONTEXT)


def test_speed_pitch_and_energy(voice: Voice) -> None:
    plain, quick = voice.speak("abc abc."), voice.speak("abc abc.", speed=2.0)
    assert len(quick.samples) == pytest.approx(len(plain.samples) / 2, rel=0.02)
    word = plain.words[0]
    higher = voice.speak("abc abc.", pitch=3.0)
    middle = (word.start + FRAME, word.start + 5 * FRAME)
    assert pitch(higher.samples, *middle) == pytest.approx(small.hertz("a") + 3 * small.STEP, abs=8)
    louder = voice.speak("abc abc.", energy=6.0)
    assert level(louder.samples) - level(plain.samples) == pytest.approx(6.0, abs=0.1)
    softer = voice.speak("abc abc.", energy=-20.0)
    assert level(softer.samples) - level(plain.samples) == pytest.approx(-20.0, abs=0.2)


@pytest.mark.parametrize("asked", [{"speed": 0.1}, {"speed": 5.0}, {"pitch": -13}, {"energy": 99}, {"speed": np.nan}])
def test_out_of_bounds(voice: Voice, asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="give "):
        voice.stream("abc", **asked)


def test_speakers(voice: Voice) -> None:
    assert voice.speakers == ("ann", "bob") and voice.languages == ("eo",)
    assert voice.language() == voice.language("bob") == "eo"
    first, second = voice.speak("aaa."), voice.speak("aaa.", speaker="bob")
    word = first.words[0]
    assert pitch(first.samples, word.start, word.end) == pytest.approx(small.hertz("a"), abs=8)
    assert pitch(second.samples, word.start, word.end) == pytest.approx(small.hertz("a") + 20 * small.STEP, abs=8)
    with pytest.raises(UsageError, match=r"has no speaker 'Bobb' \(did you mean bob\? it has ann, bob\)"):
        voice.speak("aaa.", speaker="Bobb")


def words_in_frames(voice: Voice, text: str, **how: Any) -> list[tuple[str, int]]:
    found = voice.speak(text, **how).words
    return [(word.text, round((word.end - word.start) / FRAME)) for word in found]


def test_a_speaker_reads_in_its_own_language(make: Callable[..., Voice]) -> None:
    pytest.importorskip("num2words")
    both = make(speakers={"ann": "eo", "eva": "de"})
    assert both.languages == ("eo", "de") and both.language("eva") == "de"
    dek, zehn = 3 * small.FRAMES, 4 * small.FRAMES
    assert words_in_frames(both, "10") == [("10", dek)]
    assert words_in_frames(both, "10", speaker="eva") == [("10", zehn)]
    document = '<speak>10 <lang xml:lang="de-AT">10</lang> 10</speak>'
    assert words_in_frames(both, document, ssml=True) == [("10", dek), ("10", zehn), ("10", dek)]
    document = '<speak>10 <voice name="eva">10</voice> 10</speak>'
    assert words_in_frames(both, document, ssml=True) == [("10", dek), ("10", zehn), ("10", dek)]


def test_ssml(voice: Voice) -> None:
    document = """<speak>aa <prosody rate="200%" pitch="+2st">aa</prosody> <break time="1s"/> aa
        <voice name="bob">aa</voice><mark name="end"/></speak>"""
    speech = voice.speak(document, ssml=True)
    plain, quick, late, other = speech.words
    heard = [pitch(speech.samples, word.start, word.end) for word in speech.words]
    above = [0, 2 * small.STEP, 0, 20 * small.STEP]
    assert heard == pytest.approx([small.hertz("a") + by for by in above], abs=12)
    assert quick.end - quick.start == pytest.approx((plain.end - plain.start) / 2)
    assert 1.0 < late.start - quick.end < 1.5
    ((name, time),) = speech.marks
    assert name == "end" and other.end <= time <= len(speech.samples) / small.RATE
    chunks = list(voice.stream(document, ssml=True))
    assert tuple(mark for chunk in chunks for mark in chunk.marks) == speech.marks
    with pytest.raises(DataError, match="line 1, column"):
        voice.stream("<speak>a", ssml=True)
    with pytest.raises(UsageError, match="has no speaker 'bobb'"):
        voice.speak('<speak><voice name="bobb">a</voice></speak>', ssml=True)


def test_nothing_clips_however_loud(make: Callable[..., Voice]) -> None:
    shouting = make(members={"vocoder.onnx": small.vocoder(gain=30.0)})
    for energy in (0.0, 12.0):
        speech = shouting.speak("Hello there. abc!", energy=energy)
        assert 0.5 < np.abs(speech.samples).max() <= CEILING + 1e-6
        word = speech.words[-1]
        # Turned down, not cut off: a tone stays one.
        assert pitch(speech.samples, word.start + FRAME, word.start + 5 * FRAME) == pytest.approx(
            small.hertz("a"), abs=8
        )


def test_no_clicks_where_sentences_meet(make: Callable[..., Voice]) -> None:
    """A voice that sounds to its very end: joints change no faster than the sound itself does."""
    loud = make(loud=True)
    speech = loud.speak("abab. baba. " * 5)
    steps = np.abs(np.diff(speech.samples))
    tone = np.abs(speech.samples).max() * 2 * np.pi * small.hertz("g") / small.RATE  # the highest that sounds
    assert steps.max() < tone
    # Above all that is said there is nothing: a click would be there.
    frames = speech.samples[: len(speech.samples) // 512 * 512].reshape(-1, 512) * np.hanning(512)
    spectra = np.abs(np.fft.rfft(frames))
    assert spectra[:, 200:].max() < 2e-3 * spectra.max()
    assert speech.samples[0] == 0 and abs(speech.samples[-1]) < 1e-3


def test_pauses_sound_as_the_voice_does_at_rest(voice: Voice, make: Callable[..., Voice]) -> None:
    text = "abc.\n\nabc."
    speech = voice.speak(text)
    first, second = speech.words
    hum = speech.samples[: round((first.start - 4 * FRAME) * small.RATE)][200:]
    stop = first.end + small.STOP * FRAME
    pause = second.start - small.STOP * FRAME - stop
    assert pause > 0.1, "the front end leaves a pause between paragraphs"
    between = speech.samples[round((stop + 0.01) * small.RATE) : round((stop + pause - 0.01) * small.RATE)]
    assert level(between) == pytest.approx(level(hum), abs=3)
    # Where the end of a sentence is no rest, pauses are digital silence.
    speech = make(loud=True).speak(text)
    between = speech.samples[round((stop + 0.001) * small.RATE) : round((stop + pause - 0.001) * small.RATE)]
    assert not between.any()


def test_sentences_are_apart_and_their_pieces_are_not(voice: Voice) -> None:
    def gap(text: str, **how: Any) -> float:
        """Seconds between the last words, without the boundary before the second."""
        *_, before, after = voice.speak(text, **how).words
        return after.start - small.STOP * FRAME - before.end

    assert gap("abc. abc.") == pytest.approx(0.3, abs=1e-4)
    assert gap("abc. abc.", speed=0.5) == pytest.approx(0.6, abs=0.11)
    assert gap("abc.\n\nabc.") > 0.5
    long = "abcdefgh " * 30
    assert gap(f"{long}, abc.") == pytest.approx(small.STOP * FRAME)
    # Nothing is added where nothing follows.
    speech = voice.speak("abc. abc.")
    assert len(speech.samples) / small.RATE == pytest.approx(speech.words[-1].end + small.STOP * FRAME)


def test_a_long_text_takes_the_memory_of_a_sentence(voice: Voice) -> None:
    def peak(sentences: int) -> tuple[int, int]:
        text = "It was the best of times, it was the worst of times. " * sentences
        tracemalloc.start()
        samples = sum(len(chunk.samples) for chunk in voice.stream(text))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return samples, most

    peak(2)
    (short, little), (long, much) = peak(5), peak(200)
    assert long >= 40 * short
    assert much < little + 2 * 4 * short  # all of it would be forty times that


def test_several_threads_at_once(voice: Voice) -> None:
    texts = [f"{word} and {word}. " * 5 for word in ("one", "two", "three", "four")]
    alone = [voice.speak(text).samples for text in texts]
    found: list[Any] = [None] * len(texts)

    def run(i: int) -> None:
        found[i] = voice.speak(texts[i]).samples

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine, theirs in zip(found, alone, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("text", ["", " \n ", "...", "!?", "🙂", "\u200b"])
def test_nothing_to_say(voice: Voice, text: str) -> None:
    with pytest.raises(DataError):
        voice.speak(text)


def test_graphs_that_are_not_those_of_a_voice(make: Callable[..., Voice]) -> None:
    with pytest.raises(BundleError, match=r"acoustic\.onnx is not the graph of a voice: it takes mel and gives pcm"):
        make(members={"acoustic.onnx": small.vocoder()})
    with pytest.raises(BundleError, match=r"vocoder\.onnx cannot be run"):
        make(members={"vocoder.onnx": b"no graph"})


def test_graphs_that_give_something_else(make: Callable[..., Voice]) -> None:
    with pytest.raises(BundleError, match="units of 10 to 76 frames"):
        make(frames=76, most=100).speak("abc.")
    with pytest.raises(BundleError, match="not finite"):
        make(members={"vocoder.onnx": small.vocoder(gain=np.nan)}).speak("abc.")
    with pytest.raises(BundleError, match="frames became"):
        make(members={"vocoder.onnx": small.vocoder(hop=300)}).speak("abc.")


def test_mel_settings_must_fit(make: Callable[..., Voice]) -> None:
    with pytest.raises(BundleError, match=r"22050 Hz.*24000 Hz"):
        make(members={"mel.json": small.mel_json(sample_rate=22050)})
    with pytest.raises(BundleError, match=r"mel\.json"):
        make(members={"mel.json": b"{}}"})


def test_other_kinds_are_refused(folder: Path) -> None:
    path = small.voice(folder / "some-voice.resonet")
    with pytest.raises(BundleError, match="voice bundle"):
        Bundle.open(path, kind="recognizer")
    with pytest.raises(BundleError, match="there is no bundle file"):
        Voice.load(folder / "none.resonet")
