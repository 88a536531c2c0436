"""The user's words: the file, enrolment by examples and by spelling, and thresholds from false alarms."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("onnx")
import small_spotters as small

from resonet import Spotter, audio
from resonet.bundle import Bundle, write
from resonet.errors import BundleError, DataError, ResonetError, UsageError
from resonet.runtime import keyword
from resonet.runtime.acoustic import Acoustic
from resonet.runtime.embedder import Embedder
from resonet.runtime.enrolled import Enrolled, WordList, now
from resonet.runtime.enrolment import by_examples, by_text, spoken
from resonet.runtime.thresholds import Tuner, split
from resonet.text.units import Units

UP, DOWN = [0, 2, 4, 6, 7], [7, 6, 4, 2, 0]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("tones")
    return SimpleNamespace(
        tones=small.classifier(folder / "tones.resonet"), phones=small.recognizer(folder / "phones.resonet")
    )


@pytest.fixture
def clip(tmp_path: Path):
    """Writes a recording with half a second of faint noise on both sides."""

    def make(name: str, *parts: np.ndarray, around: float = 0.5) -> Path:
        path = tmp_path / name
        audio.write(path, np.concatenate([small.hiss(around), *parts, small.hiss(around, 1)]), small.RATE)
        return path

    return make


def by_hand(word: str, **fields: object) -> Enrolled:
    given = {"kind": "text", "bundle": "phones", "phones": (("S", "IY"),), "created": now(), **fields}
    return Enrolled(word=word, **given)  # type: ignore[arg-type]


# The file


def test_words_file_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "words.json"
    known = WordList.load(path)
    assert known == WordList(path) and not path.exists()
    example = by_hand(
        "Lights On", kind="examples", bundle="tones", phones=(), embedder="ab" * 32, seconds=0.7,
        embeddings=((0.5, -0.25), (0.125, 1.0)), examples=("a.wav", "b.wav"), threshold=0.7,
    )  # fmt: skip
    known = known.add(example).add(by_hand("grüß gott")).tuned("tones", {"low": 0.6}, {"grüß gott": 0.4})
    known.save()
    again = WordList.load(path)
    assert again == known
    assert again.words[0] == example and again.words[1].threshold == 0.4 and again.thresholds == {"tones": {"low": 0.6}}
    np.testing.assert_array_equal(again.words[0].matrix, [[0.5, -0.25], [0.125, 1.0]])
    assert "grüß" in path.read_text(encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == 1
    assert [p.name for p in path.parent.iterdir()] == ["words.json"]


def test_adding_replacing_removing(tmp_path: Path) -> None:
    known = WordList(tmp_path / "words.json").add(by_hand("Lights On")).add(by_hand("stop"))
    assert known.find(" lights  ON ") is known.words[0]
    with pytest.raises(DataError, match=r"'Lights On' is enrolled already, by text with phones .*--replace"):
        known.add(by_hand("lights on"))
    replaced = known.add(by_hand("lights on"), replace=True)
    assert [word.word for word in replaced.words] == ["stop", "lights on"]
    assert [word.word for word in replaced.remove("STOP").words] == ["lights on"]
    with pytest.raises(DataError, match=r"'go' is not enrolled in .*enrolled are: Lights On, stop"):
        known.remove("go")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is damaged"), ("[]", "states no format"), ("{}", "states no format"), ("[" * 100_000, "is damaged"),
        ('{"format": "1"}', "is damaged: format"), ('{"format": 0}', "is damaged"),
        ('{"format": 1, "words": 3}', "words"),
        ('{"format": 1, "words": [{"word": "x"}]}', r"words\.0"), ('{"format": 1, "colour": 1}', "colour"),
        ('{"format": 1, "thresholds": {"b": {"x": 1.5}}}', "thresholds"),
        ('{"format": 1, "words": [NaN]}', "is damaged"),
        ('{"format": 2, "words": "new"}', "has format 2, this version reads 1"),
    ],
)  # fmt: skip
def test_a_words_file_that_cannot_be_read(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "words.json"
    path.write_text(content)
    with pytest.raises(DataError, match=said) as caught:
        WordList.load(path)
    assert str(path) in caught.value.message and caught.value.hint and "\n" not in str(caught.value)


def test_entries_that_do_not_hold_together(tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    good = by_hand("see").model_dump(mode="json", exclude_defaults=True)
    for entry in (
        {**good, "phones": []}, {**good, "kind": "examples"}, {**good, "word": ""}, {**good, "word": "x" * 300},
        {**good, "threshold": -1}, {**good, "created": "today"},
        {**good, "kind": "examples", "embeddings": [[1.0], [1.0, 2.0]], "seconds": 1.0, "embedder": "ab" * 32},
    ):  # fmt: skip
        path.write_text(json.dumps({"format": 1, "words": [entry]}))
        with pytest.raises(DataError, match="is damaged"):
            WordList.load(path)
    path.write_text(json.dumps({"format": 1, "words": [good, {**good, "word": "SEE"}]}))
    with pytest.raises(DataError, match="twice"):
        WordList.load(path)
    path.write_text(json.dumps({"format": 1, "words": [{**good, "word": f"w{i}"} for i in range(1001)]}))
    with pytest.raises(DataError, match="words"):
        WordList.load(path)
    with pytest.raises(DataError, match="cannot be read"):
        WordList.load(tmp_path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = WordList(tmp_path / "words.json").add(by_hand("see"))
    known.save()

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("resonet.bundle.atomic.open_new", full)
    with pytest.raises(ResonetError, match="No space left"):
        known.remove("see").save()
    assert WordList.load(known.path) == known
    (tmp_path / "file").write_text("")
    with pytest.raises(ResonetError, match="cannot be written"):
        WordList(tmp_path / "file" / "words.json").save()


# By examples


def test_the_word_is_cut_from_its_clip() -> None:
    word = small.melody(UP, 0.6)
    for before, after in ((0.5, 0.5), (1.5, 0.3), (0.1, 2.0)):
        sound = np.concatenate([small.hiss(before), word, small.hiss(after, 1)])
        start, end = spoken(sound, small.RATE, "x.wav")
        assert abs(start - before) < 0.08 and abs(end - before - 0.6) < 0.08
    # Two words of a phrase are one; a cough before it is not part of it.
    pause = np.concatenate([small.tone(500, 0.3), small.hiss(0.25), small.tone(700, 0.3)])
    sound = np.concatenate([small.hiss(0.8), 0.2 * small.tone(400, 0.15), small.hiss(1.5), pause, small.hiss(0.8)])
    start, end = spoken(sound, small.RATE, "x.wav")
    assert abs(start - 2.45) < 0.08 and abs(end - 3.3) < 0.08
    # A clip that the word fills from end to end.
    start, end = spoken(word, small.RATE, "x.wav")
    assert start < 0.05 and end > 0.55


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (small.quiet(0.0), r"x\.wav holds no word: it is silent"),
        (small.quiet(1.0), "it is silent"),
        (small.hiss(1.5, level=0.0005), "it is silent"),
        (small.hiss(5.0, level=0.1), "no word stands out from the noise"),
        (small.tone(500, 0.05), "holds no word: only"),
        (np.concatenate([small.hiss(1.0), *[small.melody(UP), small.hiss(0.1)] * 6, small.hiss(1.0)]), "s of speech"),
        (small.hiss(40.0), "lasts 40 s"),
    ],
)
def test_what_is_no_example(sound: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said):
        spoken(sound, small.RATE, "x.wav")


def test_enrolment_by_examples(bundles: SimpleNamespace, clip) -> None:
    clips = [clip(f"up{i}.wav", small.melody(UP, 0.5 + 0.1 * i)) for i in range(3)]
    with Bundle.open(bundles.tones) as bundle:
        entry = by_examples(bundle, "  Up  there ", clips)
        embedder = Embedder.of(bundle)
        assert entry.embedder == bundle.manifest.members["embed.onnx"].sha256
    assert (entry.word, entry.kind, entry.bundle) == ("Up there", "examples", "tones")
    assert entry.examples == ("up0.wav", "up1.wav", "up2.wav") and abs(entry.seconds - 0.6) < 0.1
    assert entry.matrix.shape == (3, embedder.size)
    np.testing.assert_allclose(np.linalg.norm(entry.matrix, axis=1), 1, atol=1e-2)
    centred = embedder.centred(entry.matrix)
    assert (centred @ centred.T).min() > 0.8


def test_what_cannot_be_enrolled(bundles: SimpleNamespace, clip, tmp_path: Path) -> None:
    up, down = clip("up.wav", small.melody(UP)), clip("down.wav", small.melody(DOWN))
    other = clip("other.wav", small.melody([3, 1, 3, 1, 3]))
    silent = clip("silent.wav")
    with Bundle.open(bundles.tones) as bundle:
        with pytest.raises(DataError, match=r"up\.wav and .*down\.wav do not sound alike"):
            by_examples(bundle, "x", [up, down])
        with pytest.raises(DataError, match=r"other\.wav does not sound like the other examples"):
            by_examples(bundle, "x", [up, other, up])
        with pytest.raises(DataError, match=r"silent\.wav holds no word"):
            by_examples(bundle, "x", [up, silent])
        with pytest.raises(DataError, match="'Low' is a word of tones already"):
            by_examples(bundle, "Low", [up])
        with pytest.raises(UsageError, match="6 examples"):
            by_examples(bundle, "x", [up] * 6)
        with pytest.raises(DataError, match="no name"):
            by_examples(bundle, " -- ", [up])
        with pytest.raises(ResonetError, match=r"missing\.wav does not exist"):
            by_examples(bundle, "x", [tmp_path / "missing.wav"])
    bare = small.classifier(tmp_path / "bare.resonet", embed=False)
    with Bundle.open(bare) as bundle, pytest.raises(BundleError, match=r"bare has no embedder \(embed\.onnx\)"):
        by_examples(bundle, "x", [up])


def test_without_other_speech_the_cosine_decides(bundles: SimpleNamespace, clip, tmp_path: Path) -> None:
    with Bundle.open(bundles.tones) as bundle:
        members = {name: bundle.read(name) for name in bundle.members if name != "background.npy"}
        path = write(tmp_path / "tones.resonet", bundle.manifest, members)
    with Bundle.open(path) as bundle:
        WordList(tmp_path / "words.json").add(by_examples(bundle, "up", [clip("up.wav", small.melody(UP))])).save()
    stream = Spotter.load(path, words=tmp_path / "words.json").stream(only=["up"])
    sound = np.concatenate([small.hiss(1.0), small.melody(UP, 0.5), small.hiss(1.0), small.melody(DOWN), small.hiss(1)])
    (event,) = stream.push(sound) + stream.finish()
    assert event.word == "up" and 1.3 < event.time < 1.75


# By spelling


def test_phones_of_a_phrase(bundles: SimpleNamespace) -> None:
    with Bundle.open(bundles.phones) as bundle:
        entry = by_text(bundle, "See  KEYS!")
        assert (entry.word, entry.kind, entry.bundle) == ("See KEYS!", "text", "phones")
        assert entry.phones == (("S", "IY", "K", "IY", "S"),)
        for text, said in (
            ("xyzzy", "how 'xyzzy' is said is not known to phones"),
            ("see xyzzy", "xyzzy"),
            ("?!", "no name"),
        ):
            with pytest.raises(DataError, match=said):
                by_text(bundle, text)


def test_phones_by_several_ways_by_g2p_and_by_letters(
    bundles: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resonet.text.lexicon import Lexicon

    class Reader:
        def __init__(self, model: bytes) -> None:
            assert model == b"g2p"

        def phones(self, words: list[str]) -> list[tuple[str, ...]]:
            return [("T", "OW") if word == "toe" else () for word in words]

    monkeypatch.setattr(keyword, "GraphemeToPhone", Reader)
    lexicon = Lexicon(small.PHONES)
    for phones in ("S IY", "S AA"):
        lexicon.add("see", phones.split())
    with Bundle.open(bundles.phones) as bundle:
        model, manifest = bundle.read("model.onnx"), bundle.manifest
    members = {"model.onnx": model, "lexicon.bin": lexicon.to_bytes(), "g2p.onnx": b"g2p"}
    path = write(tmp_path / "phones.resonet", manifest, members)
    with Bundle.open(path) as bundle:
        assert by_text(bundle, "see toe").phones == (("S", "IY", "T", "OW"), ("S", "AA", "T", "OW"))
        assert len(by_text(bundle, "see see see see see see").phones) == 16  # of 64
        with pytest.raises(DataError, match="'tow'"):
            by_text(bundle, "tow")
    letters = Units.characters("abc")
    fields = manifest.model_dump(mode="json", by_alias=True) | {
        "units": {"type": "characters", "list": list(letters.symbols), "blank": 0}
    }
    with Bundle.open(write(tmp_path / "letters.resonet", fields, {"model.onnx": model})) as bundle:
        assert by_text(bundle, "a cab").phones == (("a", "|", "c", "a", "b"),)
        with pytest.raises(DataError, match="cannot be spelled"):
            by_text(bundle, "dad")


def best_path(ratios: np.ndarray, ids: list[int], longest: int) -> list[float]:
    """For each frame the score of the best path through `ids` that ends there, found the slow way."""
    states = [ids[0], *(unit for pair in ((0, unit) for unit in ids[1:]) for unit in pair)]
    best = []
    for end in range(len(ratios)):
        found = -np.inf
        for start in range(max(0, end - longest + 1), end + 1):
            scores = np.full(len(states), -np.inf)
            scores[0] = ratios[start, states[0]]
            for frame in range(start + 1, end + 1):
                moved = scores.copy()
                moved[1:] = np.maximum(moved[1:], scores[:-1])
                for s in range(2, len(states), 2):
                    if states[s] != states[s - 2]:
                        moved[s] = max(moved[s], scores[s - 2])
                scores = moved + ratios[frame, states]
            found = max(found, scores[-1])
        best.append(found)
    return best


def test_keyword_scores_are_those_of_the_best_path(bundles: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    with Bundle.open(bundles.phones) as bundle:
        acoustic = Acoustic(bundle, 1)
    units = Units.phones(small.PHONES)
    words = {"see": [["S", "IY"]], "sees": [["S", "IY", "S"], ["S", "S"]], "t": [["T"]]}
    rng = np.random.default_rng(0)
    log_probs = np.log(rng.dirichlet(np.full(len(units), 0.2), 40) + 1e-6).astype(np.float32)
    monkeypatch.setattr(keyword, "_PER_PHONE", 100.0)
    listener = keyword.Keywords(acoustic, units, list(words), list(words.values())).listener()
    rows = np.concatenate([listener._rows(log_probs[:13]), listener._rows(log_probs[13:])])
    ratios = np.maximum(log_probs - log_probs.max(1, keepdims=True), keyword._WORST)
    for column, ways in enumerate(words.values()):
        expected = []
        for way in ways:
            middle = keyword._MIDDLE + keyword._LOWER * (len(way) - keyword._PHONES)
            mean = np.array(best_path(ratios, units.encode(way), 1000)) / len(way)
            expected.append(1 / (1 + np.exp(-np.clip(keyword._SLOPE * (mean - middle), -50, 50))))
        np.testing.assert_allclose(rows[:, column], np.max(expected, 0), rtol=1e-3, atol=1e-6)


def test_a_keyword_is_not_spread_over_a_pause(bundles: SimpleNamespace) -> None:
    with Bundle.open(bundles.phones) as bundle:
        keywords = keyword.Keywords(Acoustic(bundle, 1), Units.phones(small.PHONES), ["see"], [[("S", "IY")]])
    best = []
    for pause in (0.2, 3.0):
        listener = keywords.listener()
        sound = np.concatenate(
            [small.quiet(1), small.said("S"), small.quiet(pause), small.said("IY"), small.quiet(0.5)]
        )
        best.append(float(max(listener.push(sound).max(), listener.finish().max())))
    assert best[0] > 0.9 and best[1] < 0.1


# Thresholds


def test_thresholds_keep_to_the_false_alarms_allowed(bundles: SimpleNamespace) -> None:
    """Speech in which a faint `low` comes 12 times in 0.1 hours, and a plain one twice."""
    with Bundle.open(bundles.tones) as bundle:
        spotter = Spotter(bundle, 1)
    faint, plain = small.tone(500, 0.24), small.tone(500, 0.6)
    recording = [np.concatenate([small.hiss(2.0), faint, small.hiss(3.0)]) for _ in range(12)]
    recording += [np.concatenate([small.hiss(2.0), plain, small.hiss(2.0)]) for _ in range(2)]
    rest = 0.1 * 3600 - sum(map(len, recording)) / small.RATE
    found = {}
    for allowed in (0.0, 25.0, 200.0):
        tuner = Tuner(spotter)
        told: list[float] = []
        tuner.speech(recording, progress=told.append)
        tuner.speech([small.hiss(rest)])
        assert abs(tuner.hours - 0.1) < 1e-6 and len(told) == 14
        for sound in (plain, faint, small.hiss(1.0)):
            tuner.example("low", sound)
        low, high = tuner.tuned(allowed)
        assert (low.word, high.word) == ("low", "high") and high.false_alarms == 0 and high.threshold < 0.05
        assert low.false_alarms <= allowed * low.hours + 1e-9 or not low.kept
        found[allowed] = low
    assert found[200.0].false_alarms == 14 and found[200.0].missed == 1
    assert found[25.0].false_alarms == 2 and found[25.0].missed == 2 and found[25.0].kept
    assert not found[0.0].kept or found[0.0].missed == 3
    assert found[200.0].threshold < found[25.0].threshold < found[0.0].threshold
    labels, words = split(spotter, found.values())
    assert set(labels) == {"low"} and not words


def test_what_is_tuned_is_what_a_stream_does(bundles: SimpleNamespace) -> None:
    with Bundle.open(bundles.tones) as bundle:
        spotter = Spotter(bundle, 1)
    rng = np.random.default_rng(3)
    sound = np.concatenate(
        [part for _ in range(40) for part in (small.tone(500, rng.uniform(0.05, 0.5)), small.hiss(rng.uniform(0.1, 2)))]
    )
    tuner = Tuner(spotter, ["low"])
    tuner.speech(np.array_split(sound, 7))
    for allowed in (300.0, 900.0):
        (found,) = tuner.tuned(allowed)
        stream = spotter.stream({"low": found.threshold}, only=["low"])
        assert len(stream.push(sound) + stream.finish()) == found.false_alarms > 0


def test_a_threshold_for_all_words_counts_the_false_alarms_of_all(bundles: SimpleNamespace) -> None:
    with Bundle.open(bundles.tones) as bundle:
        tuner = Tuner(Spotter(bundle, 1))
    for low, high in zip(np.linspace(0.1, 0.6, 8), np.linspace(0.15, 0.55, 8), strict=True):
        tuner.speech([np.concatenate([small.hiss(2.0), small.tone(500, low), small.hiss(2.0), small.tone(2000, high)])])
        tuner.speech([small.hiss(30.0)])
    found = [tuner.together(allowed / tuner.hours) for allowed in (12, 6)]
    counts = [sum(t.events(threshold) for tracks in tuner._tracks.values() for t in tracks) for threshold in found]
    assert found[0] < found[1] and 6 < counts[0] <= 12 and counts[1] <= 6


def test_where_speech_is_cut_off_nothing_is_heard_of_its_end(bundles: SimpleNamespace) -> None:
    with Bundle.open(bundles.tones) as bundle:
        spotter = Spotter(bundle, 1)
    rows = {}
    for whole in (True, False):
        tuner = Tuner(spotter, ["low"])
        tuner.speech([np.concatenate([small.hiss(2.0), small.tone(500, 0.6)])], whole=whole)
        (track,) = tuner._tracks["low"]
        rows[whole] = track.length, track.joined()[0]
    assert rows[False][0] < rows[True][0]
    assert rows[False][1].tolist() == [row for row in rows[True][1].tolist() if row < rows[False][1].max() + 1]


def test_speech_that_holds_a_word_does_not_count_for_it(bundles: SimpleNamespace) -> None:
    with Bundle.open(bundles.tones) as bundle:
        spotter = Spotter(bundle, 1)
    tuner = Tuner(spotter)
    tuner.speech([small.hiss(60.0)])
    tuner.speech([np.concatenate([small.hiss(2.0), small.tone(500, 0.6), small.hiss(2.0)])], holds=["low"])
    low, high = tuner.tuned(0.0)
    assert low.false_alarms == high.false_alarms == 0 and low.threshold < 0.05
    assert low.hours < high.hours == tuner.hours
