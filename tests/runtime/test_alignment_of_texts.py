"""Texts laid over recordings: a recognizer of tones, whose times are known, and the shipped one on readings."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonet import audio
from resonet.bundle import Bundle, write
from resonet.errors import AudioError, DataError, UsageError
from resonet.runtime.alignment import Aligner, Alignment
from resonet.runtime.doubts import Doubt, Laid, confidences, doubts, sentence
from resonet.runtime.edges import Levels, edges
from resonet.runtime.script import ScriptReader
from resonet.text import ctm, textgrid

small = pytest.importorskip("small_spotters", reason="onnx is not installed", exc_type=ImportError)

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "bundles" / "en-small" / "resonet_bundle_en_small" / "en-small.resonet"
SAMPLES = ROOT / "samples"
# How far a time may lie from the truth here: two frames.
NEAR = 0.08


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Aligner:
    return Aligner.load(small.recognizer(tmp_path_factory.mktemp("align") / "tones.resonet"), threads=1)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> ScriptReader:
    with Bundle.open(small.recognizer(tmp_path_factory.mktemp("read") / "tones.resonet")) as bundle:
        return ScriptReader(bundle)


@pytest.fixture(scope="module")
def shipped() -> Aligner:
    if not SHIPPED.is_file():
        pytest.skip("en-small.resonet is not in this checkout")
    return Aligner.load(SHIPPED, threads=1)


def speech(*words: str, pause: float = 0.4) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Words with pauses around them, and when each begins and ends."""
    parts, times = [small.quiet(pause)], []
    for word in words:
        start = sum(map(len, parts)) / small.RATE
        # The recognizer of tones hears at once, a real one a little later.
        parts += [small.said(*small.LEXICON[word].split()), small.quiet(pause)]
        times.append((start, sum(map(len, parts)) / small.RATE - pause))
    return np.concatenate(parts) + small.hiss(sum(map(len, parts)) / small.RATE), times


def test_times_of_words_and_phones(tones: Aligner) -> None:
    samples, times = speech("boat", "keys", "see", "knock")
    found = tones.align(samples, "BOAT, keys... (See) -- 'knock'!", sample_rate=small.RATE)
    assert [word.word for word in found.words] == ["BOAT,", "keys...", "(See)", "'knock'!"]
    assert [word.characters for word in found.words] == [(0, 5), (6, 13), (14, 19), (23, 31)]
    for word, (start, end) in zip(found.words, times, strict=True):
        assert word.start == pytest.approx(start, abs=NEAR) and word.end == pytest.approx(end, abs=NEAR)
        assert word.said and word.confidence > 0.9
    assert [unit.unit for unit in found.units] == ["B", "OW", "T", "K", "IY", "S", "S", "IY", "N", "AA", "K"]
    for word in found.words:
        assert word.units[0].start == word.start and word.units[-1].end == word.end
        assert all(a.end == b.start for a, b in pairwise(word.units))
    assert (found.warning, found.doubts, found.language) == ("", (), "en")
    assert found.duration == len(samples) / small.RATE


def test_a_word_that_is_not_said_and_one_that_the_text_lacks(tones: Aligner) -> None:
    said = np.random.default_rng(4).choice(["boat", "keys", "see", "knock"], 24).tolist()
    samples, times = speech(*said)
    lines = " ".join(said[:8] + ["boat see"] * 4 + said[8:])
    found = tones.align(samples, lines, sample_rate=small.RATE)
    assert [word.said for word in found.words] == [True] * 8 + [False] * 8 + [True] * 16
    kept = [word for word in found.words if word.said]
    assert max(abs(word.start - start) for word, (start, _) in zip(kept, times, strict=True)) < NEAR
    assert [(word.start, word.confidence) for word in found.words[8:16]] == [(kept[7].end, 0.0)] * 8
    (doubt,) = found.doubts
    assert doubt.words == (8, 16) and not doubt.speech
    assert found.warning == f"at {kept[7].end:.3f} s 'boat see boat see boat see boat see' is missing in the recording"

    found = tones.align(samples, " ".join(said[:8] + said[16:]), sample_rate=small.RATE)
    assert all(word.said for word in found.words)
    (doubt,) = found.doubts
    assert doubt.speech and doubt.words == (8, 8)
    assert doubt.start == pytest.approx(times[8][0], abs=0.2) and doubt.end == pytest.approx(times[15][1], abs=0.3)
    assert f"more is said than the text has, before {said[16]!r}" in found.warning


def test_a_text_that_is_of_something_else(tones: Aligner) -> None:
    samples, _ = speech("boat", "see")
    for text, told in {
        "": "the text is empty",
        " \n": "the text is empty",
        "-- ...": "no word of the text '-- ...' can be written",
        "zebra": "no word of the text 'zebra' can be written in the units of",
    }.items():
        with pytest.raises(DataError, match=told):
            tones.align(samples, text, sample_rate=small.RATE)
    with pytest.raises(DataError, match="none of its words was heard"):
        tones.align(small.quiet(1.0), "boat keys", sample_rate=small.RATE)
    with pytest.raises(DataError, match="none of its words was heard"):
        tones.align(small.quiet(0.0), "boat", sample_rate=small.RATE)
    with pytest.raises(UsageError):
        tones.align(samples, "boat")
    with pytest.raises(AudioError):
        tones.align(ROOT / "README.md", "boat")


def test_forms(tones: Aligner) -> None:
    samples, _ = speech("boat", "keys")
    found = tones.align(samples, "boat zebra keys", sample_rate=small.RATE)
    grid = textgrid.parse(textgrid.render(found.as_textgrid()).encode())
    assert [tier.name for tier in grid.tiers] == ["words", "phones"] and grid.end == round(found.duration, 3)
    assert [interval.text for interval in grid.tier("words").intervals if interval.text] == ["boat", "keys"]
    assert [interval.text for interval in grid.tier("phones").intervals if interval.text] == [
        "B",
        "OW",
        "T",
        "K",
        "IY",
        "S",
    ]
    lines = ctm.parse(ctm.render(found.as_ctm("a b.wav")))
    assert [(line.recording, line.word) for line in lines] == [("a_b.wav", "boat"), ("a_b.wav", "keys")]
    assert lines[1].start == pytest.approx(found.words[2].start, abs=6e-4)
    fields = found.as_dict("a b.wav")
    assert list(fields) == ["file", "duration", "language", "words"]
    assert [word["word"] for word in fields["words"]] == ["boat", "zebra", "keys"]
    assert list(fields["words"][0]) == ["word", "start", "end", "confidence", "units"]
    assert fields["words"][0]["units"][0].keys() == {"unit", "start", "end"}
    assert fields["words"][1]["start"] == fields["words"][1]["end"] and fields["words"][1]["confidence"] == 0


def readings() -> dict[str, str]:
    rows = [line.split("\t") for line in (SAMPLES / "transcripts.tsv").read_text().splitlines()[1:]]
    return {row[0]: row[3] for row in rows if row[0].endswith(".opus")}


def _in_order(found: Alignment) -> bool:
    times = [time for word in found.words for unit in word.units for time in (unit.start, unit.end)]
    return times == sorted(times) and times[0] >= 0 and times[-1] <= found.duration


def test_readings_as_they_are_printed(shipped: Aligner) -> None:
    text = readings()["english-1.opus"]
    printed = "If you have lived in cities, & have WALKED in the park on a Summer afternoon — you have, perhaps, seen "
    printed += "(blinking) in a corner of his iron cage!"
    plain = shipped.align(SAMPLES / "english-1.opus", text)
    found = shipped.align((SAMPLES / "english-1.opus").read_bytes(), printed)
    assert found.words[6].word == "&" and found.words[8].word == "WALKED" and found.words[-1].word == "cage!"
    assert len(found.words) == len(plain.words) == 28
    for one, other in zip(found.words, plain.words, strict=True):
        assert (one.start, one.end, one.units) == (other.start, other.end, other.units)
    assert _in_order(found) and not found.warning and found.confidence > 0.9
    # The pause after a comma belongs to nobody.
    assert found.words[6].start - found.words[5].end > 0.3


def test_a_long_recording_has_the_times_of_its_parts(shipped: Aligner) -> None:
    """Cut where it is certain, as hours are; and the memory that counts holds no sound."""
    texts = readings()
    sounds = [audio.read(SAMPLES / name) for name in texts]
    starts = np.cumsum([0, *map(len, sounds)]) / 16000
    whole = np.concatenate(sounds)
    alone = [shipped.align(sound, text, 16000) for sound, text in zip(sounds, texts.values(), strict=True)]
    told: list[float] = []
    found = shipped.align(whole, "\n".join(texts.values()), 16000, progress=told.append)
    assert sum(told) == pytest.approx(len(whole) / 16000)
    expected = [
        (start + word.start, word.word) for start, one in zip(starts, alone, strict=False) for word in one.words
    ]
    assert [word.word for word in found.words] == [word for _, word in expected]
    off = np.abs([word.start - start for word, (start, _) in zip(found.words, expected, strict=True)])
    # Frames begin elsewhere in the joined recording; at the joins, pauses do too.
    assert np.mean(off < 0.06) > 0.9 and off.max() < 0.5
    assert _in_order(found) and not found.warning


def test_ways_to_read_a_number(shipped: Aligner) -> None:
    pytest.importorskip("num2words")
    with Bundle.open(SHIPPED) as bundle:
        reader = ScriptReader(bundle)
    written = reader.read("Dr. Smith paid $5 million on March 4th, 1895 for 42 well-known birds, grzwlk Привет 7.")
    assert [word.text for word in written] == [
        "Dr.", "Smith", "paid", "$5 million", "on", "March", "4th,", "1895", "for", "42", "well-known", "birds,",
        "grzwlk", "Привет", "7.",
    ]  # fmt: skip
    ways = {word.text: [" ".join(reader.units.symbols[unit] for unit in way) for way in word.ways] for word in written}
    assert ways["Dr."][0] == "D AA K T ER"
    assert ways["$5 million"][0] == "F AY V M IH L Y AH N D AA L ER Z"
    assert ways["42"][0] == "F AO R T IY T UW" and "F AO R T UW" in ways["42"]
    assert ways["1895"][0].startswith("EY T IY N N AY N T IY") and any(
        way.startswith("W AH N EY T") for way in ways["1895"]
    )
    assert ways["grzwlk"] and ways["Привет"] == []
    text = readings()["english-2.opus"].replace("one of them", "1 of them")
    found = shipped.align(SAMPLES / "english-2.opus", text)
    assert found.words[0].word == "1" and [unit.unit for unit in found.words[0].units] == ["W", "AH", "N"]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_words_of_any_text_are_where_they_are_said_to_be(reader: ScriptReader, text: str) -> None:
    try:
        written = reader.read(text)
    except DataError:
        return
    end = 0
    for word in written:
        first, last = word.characters
        assert end <= first < last and text[first:last] == word.text
        end = last


def test_a_recognizer_of_letters(tmp_path: Path) -> None:
    """Between its words stand separators, which belong to none of them."""
    with Bundle.open(small.recognizer(tmp_path / "tones.resonet")) as bundle:
        manifest = json.loads(bundle.read("manifest.json"))
        manifest["units"] = {"type": "characters", "list": ["<blank>", "|", *"abkost", "i"], "blank": 0}
        letters = write(tmp_path / "letters.resonet", manifest, {"model.onnx": bundle.read("model.onnx")})
    tone = dict(zip("|abkosti", small.PHONES, strict=True))
    samples = small.said(*(tone[letter] for letter in "boat|is|a|task"))
    found = Aligner.load(letters, threads=1).align(samples, "Boat is zz a task!", small.RATE)
    assert [word.word for word in found.words] == ["Boat", "is", "zz", "a", "task!"]
    assert ["".join(unit.unit for unit in word.units) for word in found.words] == ["boat", "is", "", "a", "task"]
    assert [word.start for word in found.words if word.said][1:] == pytest.approx([0.72, 1.2, 1.52], abs=NEAR)
    assert [tier.name for tier in found.as_textgrid().tiers] == ["words", "letters"]


def test_levels_do_not_depend_on_the_pieces() -> None:
    samples = small.melody([0, 3, 5], 0.9)
    whole = Levels(small.RATE)
    whole.push(samples)
    pieces = Levels(small.RATE)
    for piece in np.array_split(samples, 37):
        pieces.push(piece)
    np.testing.assert_allclose(pieces.get(), whole.get(), atol=1e-4)
    assert len(whole.get()) == 90 and pieces.samples == len(samples)
    assert len(Levels(small.RATE).get()) == 0


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(0, 400), unique=True, min_size=1, max_size=12),
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.lists(st.integers(-80, -10), max_size=500),
)
def test_edges_are_in_order(frames: list[int], begins: list[bool], levels: list[int]) -> None:
    middles = np.clip(np.sort(frames) * 0.02 - 0.03, 0, 8.0)
    middles = np.unique(middles)
    found = edges(middles, np.array(begins[: len(middles)]), np.array(levels, np.float32), 8.0)
    assert (found[:, 0] <= middles + 1e-9).all() and (found[:, 1] >= middles - 1e-9).all()
    assert (found[1:, 0] >= found[:-1, 1] - 1e-9).all()
    assert found.min() >= 0 and found.max() <= 8.0


def test_the_pause_is_where_it_is_quiet() -> None:
    levels = np.full(300, -20.0, np.float32)
    levels[100:160] = -60
    levels[130:134] = -30  # a breath
    found = edges(np.array([0.9, 1.7]), np.array([True, True]), levels, 3.0)
    assert found[0, 1] == pytest.approx(1.0) and found[1, 0] == pytest.approx(1.6)
    # Within a word there is none.
    found = edges(np.array([0.9, 1.7]), np.array([True, False]), levels, 3.0)
    assert found[0, 1] == found[1, 0] == pytest.approx(1.3)


def laid(confidence: list[float], gap: dict[int, float] | None = None) -> Laid:
    """Words of three units and 0.3 s each, with gaps before some of them; those without confidence were left out."""
    times, now = [], 0.0
    for i, sure in enumerate(confidence):
        now += (gap or {}).get(i, 0.0)
        times.append((now, now + (0.3 if sure else 0.0)))
        now = times[-1][1]
    spans = np.array(times)
    return Laid(spans, spans, np.where(np.array(confidence) > 0, 3, 0), np.array(confidence))


def heard(of: Laid) -> np.ndarray:
    return np.concatenate(
        [np.linspace(start, end, 3, endpoint=False) for start, end in of.times if end > start] or [[]]
    )


def test_doubts() -> None:
    well = laid([0.95] * 30)
    assert doubts(well, heard(well), 10) == []
    some = laid([0.95] * 10 + [0.3, 0.4] + [0.95] * 10)
    assert doubts(some, heard(some), 10) == []
    weak = laid([0.95] * 10 + [0.1, 0.05, 0.7, 0.1, 0.02, 0.1] + [0.95] * 10)
    assert [doubt.words for doubt in doubts(weak, heard(weak), 10)] == [(10, 16)]
    out = laid([0.0] * 5 + [0.95] * 10 + [0.0] * 4)
    assert doubts(out, heard(out), 10) == [Doubt(0.0, 0.0, (0, 5)), Doubt(pytest.approx(3.0), 10, (15, 19))]
    more = laid([0.95] * 20, {7: 3.0})
    (doubt,) = doubts(more, np.sort(np.concatenate([heard(more), np.arange(2.2, 5.0, 0.1)])), 10)
    assert (
        doubt.words == (7, 7) and doubt.speech and doubt.start == pytest.approx(2.2) and doubt.end == pytest.approx(4.9)
    )
    # Another passage than the one that stands there: one place.
    other = laid([0.95] * 7 + [0.0] * 6 + [0.95] * 7, {13: 3.0})
    (doubt,) = doubts(other, np.sort(np.concatenate([heard(other), np.arange(2.2, 5.0, 0.1)])), 10)
    assert doubt.words == (7, 13) and doubt.speech


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.lists(st.floats(0, 12), max_size=80))
def test_doubts_of_anything_can_be_told(confidence: list[float], moments: list[float]) -> None:
    some = laid(confidence)
    found = doubts(some, np.sort(moments), 12.0)
    words = [f"w{i}" for i in range(len(confidence))]
    told = sentence(found, words, some.confidence)
    assert "\n" not in told and bool(told) >= bool(found)
    for doubt in found:
        assert 0 <= doubt.words[0] <= doubt.words[1] <= len(words) and doubt.start <= doubt.end
    assert all(a.words[1] < b.words[0] or a.words != b.words for a, b in pairwise(found))


def test_sentences() -> None:
    words = [f"w{i}" for i in range(20)]
    sure = np.full(20, 0.95)
    assert sentence([], words, sure) == ""
    told = sentence([Doubt(1.5, 1.5, (20, 20), True), Doubt(0.25, 0.5, (0, 0), True)], words, sure)
    assert told.startswith("from 0.250 to 0.500 s more is said than the text has, before 'w0'")
    assert told.endswith("; text and recording part at 1.500 s too")
    missing = np.where(np.arange(20) < 12, 0.0, 1.0)
    told = sentence([Doubt(0.0, 0.0, (0, 12))], words, missing)
    assert told == "at 0.000 s 'w0 w1 w2 w3 w4' ... 'w7 w8 w9 w10 w11' (12 words) is missing in the recording"
    assert "something else is said than" in sentence([Doubt(0.0, 3.0, (0, 12), True)], words, missing)
    assert "'w3 w4' is hardly said" in sentence([Doubt(1.0, 2.0, (3, 5))], words, sure)
    assert sentence([], words, np.full(20, 0.1)).endswith("of its 20 words none was heard where it should be")


def test_confidence_falls_with_what_is_lost() -> None:
    found = confidences(np.array([0.0, -12.0, -30.0, -12.0]), np.array([3, 3, 3, 6]))
    assert found[0] > 0.9 > found[1] > 0.1 > found[2] and ((found > 0) & (found < 1)).all()
