"""Words in clips and streams, on classifiers that hear tones."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("onnx")
import small_spotters as small

from resonet import Label, Spotter, audio
from resonet.bundle import Bundle
from resonet.errors import AudioError, BundleError, DataError, UsageError
from resonet.runtime.acoustic import Network
from resonet.runtime.enrolled import WordList
from resonet.runtime.enrolment import by_examples, by_text
from resonet.runtime.events import Event, Trigger

UP, DOWN = [0, 2, 4, 6, 7], [7, 6, 4, 2, 0]
PHRASE = ("S", "IY", "K", "IY", "S")


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Paths: a classifier with an embedder, one of whole clips, a recognizer."""
    folder = tmp_path_factory.mktemp("tones")
    return SimpleNamespace(
        folder=folder,
        tones=small.classifier(folder / "tones.resonet"),
        whole=small.classifier(folder / "whole.resonet", embed=False, streams=False),
        before=small.classifier(folder / "before.resonet", embed=False, context=0.53),
        phones=small.recognizer(folder / "phones.resonet"),
    )


@pytest.fixture(scope="module")
def words(bundles: SimpleNamespace) -> Path:
    """A words file with two words by examples and one by spelling."""
    known = WordList(bundles.folder / "words.json")
    with Bundle.open(bundles.tones) as bundle:
        for name, notes in (("up", UP), ("down", DOWN)):
            clip = bundles.folder / f"{name}.wav"
            audio.write(clip, np.concatenate([small.hiss(0.4), small.melody(notes), small.hiss(0.4)]), small.RATE)
            known = known.add(by_examples(bundle, name, [clip]))
    with Bundle.open(bundles.phones) as bundle:
        known = known.add(by_text(bundle, "see keys"))
    known.save()
    return known.path


@pytest.fixture(autouse=True)
def alone(bundles: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No words or bundles of the one who runs the tests."""
    monkeypatch.setenv("RESONET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RESONET_BUNDLE_RECOGNIZER", str(bundles.phones))
    monkeypatch.setattr("resonet.bundle.places._entry_points", list)
    yield


@pytest.fixture(scope="module")
def spotter(bundles: SimpleNamespace, words: Path) -> Spotter:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESONET_BUNDLE_RECOGNIZER", str(bundles.phones))
        patch.setattr("resonet.bundle.places._entry_points", list)
        return Spotter.load(bundles.tones, threads=1, words=words)


@pytest.fixture(scope="module", params=["tones", "whole", "before"])
def plain(request: pytest.FixtureRequest, bundles: SimpleNamespace) -> Spotter:
    with Bundle.open(getattr(bundles, request.param), "classifier") as bundle:
        return Spotter(bundle, threads=1)


def test_clips(plain: Spotter) -> None:
    assert plain.words == ("low", "high")
    for sound, label in (
        (small.tone(500, 1.0), "low"),
        (small.tone(1500, 0.4), "high"),
        (small.tone(900, 0.7), "unknown"),
        (small.hiss(1.0), "silence"),
        (small.hiss(7.3), "silence"),
    ):
        found = plain.classify(sound, small.RATE)
        assert found.label == label and 0.9 < found.score <= 1.0


def test_a_clip_is_judged_after_the_silence_that_its_network_has_learnt_to_hear(bundles: SimpleNamespace) -> None:
    sound = small.tone(1500, 0.17)
    with Bundle.open(bundles.before, "classifier") as bundle:
        after = Spotter(bundle, threads=1)
    with Bundle.open(bundles.tones, "classifier") as bundle:
        at_once = Spotter(bundle, threads=1)
    network = after._network
    assert isinstance(network, Network)
    heard = np.exp(network.scores([np.concatenate([np.zeros(round(0.53 * small.RATE), np.float32), sound])])[0][-1])
    found = after.classify(sound, small.RATE)
    assert found.score == pytest.approx(heard[after.labels.index(found.label)], abs=1e-5)
    assert abs(found.score - at_once.classify(sound, small.RATE).score) > 1e-3


def test_a_word_anywhere_in_a_longer_clip(plain: Spotter) -> None:
    for before, after in ((0.0, 4.0), (2.3, 2.0), (4.0, 0.0)):
        sound = np.concatenate([small.hiss(before), small.tone(500, 0.5), small.hiss(after)])
        assert plain.classify(sound, small.RATE).label == "low"
    sound = np.concatenate([small.hiss(1.0), small.tone(900, 3.0)])
    assert plain.classify(sound, small.RATE).label == "unknown"


def test_nothing_to_hear_is_silence(plain: Spotter) -> None:
    dither = (np.random.default_rng(0).integers(-1, 2, 16000) / 32768).astype(np.float32)
    for sound in (small.quiet(0.0), small.quiet(0.05), small.quiet(2.0), dither, small.tone(500, 0.05)):
        assert plain.classify(sound, small.RATE) == Label("silence", 1.0)


def test_sources_and_rates(plain: Spotter, tmp_path: Path) -> None:
    path = tmp_path / "low.wav"
    rate = 44100
    audio.write(path, (0.3 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)).astype(np.float32), rate)
    found = plain.classify(path)
    assert found.label == "low"
    for source in (str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        assert plain.classify(source) == found
    with pytest.raises(UsageError, match="sample_rate"):
        plain.classify(small.tone(500, 1))
    with pytest.raises(AudioError, match="finite"):
        plain.classify(np.array([np.nan, 1.0]), small.RATE)
    with pytest.raises(AudioError, match=r"missing\.wav"):
        plain.classify(tmp_path / "missing.wav")


def test_many_equal_one_by_one_in_order(plain: Spotter, tmp_path: Path) -> None:
    sounds = {
        "long": np.concatenate([small.hiss(70.0), small.tone(1500, 0.5), small.hiss(1.0)]),
        "a": small.tone(500, 0.61),
        "b": small.tone(1500, 1.0),
        "tiny": small.quiet(0.01),
        "c": np.concatenate([small.tone(900, 2.2), small.hiss(0.5)]),
    }
    for name, sound in sounds.items():
        audio.write(tmp_path / f"{name}.wav", sound, small.RATE)
    (tmp_path / "bad.wav").write_text("no sound")
    paths = [tmp_path / f"{name}.wav" for name in ("b", "a", "long", "tiny", "bad", "c", "b")]
    told: list[int] = []
    found = list(plain.classify_many(paths, progress=told.append))
    assert [path for path, _ in found] == paths and sum(told) == len(paths)
    assert isinstance(found[4][1], AudioError) and "bad.wav" in str(found[4][1])
    labels = []
    for path, label in found[:4] + found[5:]:
        alone = plain.classify(path)
        assert isinstance(label, Label) and label.label == alone.label
        assert abs(label.score - alone.score) < 1e-5
        labels.append(label.label)
    assert labels == ["high", "low", "high", "silence", "unknown", "high"]


def scene() -> tuple[np.ndarray, list[tuple[str, float]]]:
    """Sound, and words with the seconds at which they end."""
    parts = [
        (small.hiss(2.0), ""), (small.melody(UP, 0.55), "up"), (small.hiss(1.0), ""), (small.tone(500, 0.5), "low"),
        (small.hiss(1.2), ""), (small.said(*PHRASE), "see keys"), (small.hiss(1.0), ""),
        (small.melody(DOWN, 0.66), "down"), (small.hiss(0.7), ""), (small.melody([0, 3, 1, 5, 2]), ""),
        (small.tone(1500, 0.5), "high"), (small.hiss(0.3), ""),
    ]  # fmt: skip
    ends = np.cumsum([len(sound) for sound, _ in parts]) / small.RATE
    return np.concatenate([sound for sound, _ in parts]), [
        (word, end) for (_, word), end in zip(parts, ends, strict=True) if word
    ]


def heard(spotter: Spotter, samples: np.ndarray, cuts: list[int], **options: object) -> list[Event]:
    stream = spotter.stream(**options)  # type: ignore[arg-type]
    events = [event for piece in np.split(samples, cuts) for event in stream.push(piece)]
    return events + stream.finish()


def test_all_words_are_heard_in_time(spotter: Spotter) -> None:
    sound, said = scene()
    assert spotter.words == ("low", "high", "up", "down", "see keys") and not spotter.skipped
    events = heard(spotter, sound, [])
    assert [event.word for event in events] == [word for word, _ in said]
    for event, (_, end) in zip(events, said, strict=True):
        assert end - 0.5 < event.time < end + 0.25
        assert 0.5 <= event.score <= 1.0


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 180_000), max_size=12))
def test_events_do_not_depend_on_the_pieces(spotter: Spotter, cuts: list[int]) -> None:
    sound, _ = scene()
    whole, pieces = heard(spotter, sound, []), heard(spotter, sound, sorted(cuts))
    assert [(e.word, round(e.time, 6)) for e in whole] == [(e.word, round(e.time, 6)) for e in pieces]
    assert max(abs(a.score - b.score) for a, b in zip(whole, pieces, strict=True)) < 1e-4


def test_blocks_of_a_device(spotter: Spotter) -> None:
    sound, _ = scene()
    whole, blocks = heard(spotter, sound, []), heard(spotter, sound, list(range(1280, len(sound), 1280)))
    assert [(e.word, e.time) for e in whole] == [(e.word, e.time) for e in blocks]
    late = 0
    stream = spotter.stream()
    for start in range(0, len(sound), 1280):
        for event in stream.push(sound[start : start + 1280]):
            assert start / small.RATE < event.time <= start / small.RATE + 0.08  # told in the block that decides it
            late += 1
    assert late >= 5


def test_whole_windows_are_heard_in_streams_too(bundles: SimpleNamespace) -> None:
    spotter = Spotter.load(bundles.whole, threads=1)
    sound = np.concatenate([small.hiss(2.0), small.tone(500, 0.5), small.hiss(2.0), small.tone(1500, 0.5)])
    events = heard(spotter, sound, [])
    assert [event.word for event in events] == ["low", "high"]
    assert events == heard(spotter, sound, list(range(333, len(sound), 5000)))


def test_a_stream_computes_nothing_twice(spotter: Spotter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network of it hears each sample once, though windows and stretches overlap many times."""
    taken: dict[int, int] = {}
    step = Network.step

    def counted(self: Network, pcm: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        taken[id(self)] = taken.get(id(self), 0) + pcm.size
        return step(self, pcm, state)

    monkeypatch.setattr(Network, "step", counted)
    sound = small.hiss(4.0)
    heard(spotter, sound, list(range(1000, len(sound), 1000)))
    assert sorted(taken.values()) == [len(sound) + small.DELAY * small.STRIDE] * 3


def test_thresholds(spotter: Spotter) -> None:
    sound, _ = scene()
    assert not [e for e in heard(spotter, sound, [], thresholds={"low": 1.0}) if e.word == "low"]
    assert [e.word for e in heard(spotter, sound, [], only=["up", "high"])] == ["up", "high"]
    early, late = (heard(spotter, sound, [], thresholds=t, only=["low"])[0] for t in (0.1, 0.9))
    assert early.time <= late.time and 0.1 <= early.score < 0.9 <= late.score
    for arguments in ({"thresholds": {"lo": 0.5}}, {"only": ["lo"]}, {"thresholds": 0.0}, {"thresholds": 1.5}):
        with pytest.raises(UsageError):
            spotter.stream(**arguments)  # type: ignore[arg-type]


def test_where_thresholds_come_from(bundles: SimpleNamespace, words: Path, tmp_path: Path) -> None:
    path = small.classifier(tmp_path / "tones.resonet", thresholds={"low": 0.8})
    assert Spotter.load(path, words=words).thresholds == {
        "low": 0.8,
        "high": 0.5,
        "up": 0.5,
        "down": 0.5,
        "see keys": 0.5,
    }
    tuned = WordList.load(words).tuned("tones", {"high": 0.7}, {"up": 0.3})
    tuned = WordList(tmp_path / "tuned.json", tuned.words, {**tuned.thresholds, "other": {"low": 0.1}})
    tuned.save()
    found = Spotter.load(path, words=tuned.path).thresholds
    assert (found["low"], found["high"], found["up"], found["down"]) == (0.8, 0.7, 0.3, 0.5)


def test_words_of_another_embedder_are_skipped(words: Path, tmp_path: Path) -> None:
    bare = Spotter.load(small.classifier(tmp_path / "bare.resonet", embed=False), words=words)
    assert bare.words == ("low", "high", "see keys")
    assert bare.skipped == (
        "'up', 'down' cannot be heard: enrolled with another embedder than that of bare; enroll anew with --replace",
    )
    sound, _ = scene()
    assert [event.word for event in heard(bare, sound, [])] == ["low", "see keys", "high"]


def test_without_a_recognizer_spelled_words_are_skipped(
    bundles: SimpleNamespace, words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESONET_BUNDLE_RECOGNIZER")
    spotter = Spotter.load(bundles.tones, words=words)
    assert spotter.words == ("low", "high", "up", "down")
    assert len(spotter.skipped) == 1 and spotter.skipped[0].startswith("'see keys' cannot be heard: ")
    assert "no recognizer bundle is installed" in spotter.skipped[0]


def test_a_label_enrolled_too_is_one_event(bundles: SimpleNamespace, tmp_path: Path) -> None:
    known = WordList(tmp_path / "words.json")
    with Bundle.open(bundles.phones) as bundle:
        entry = by_text(bundle, "see keys").model_copy(update={"word": "low", "phones": (("AA",),)})
    small_spotter_words = known.add(entry)
    small_spotter_words.save()
    spotter = Spotter.load(bundles.tones, words=known.path)
    assert spotter.words == ("low", "high")
    sound = np.concatenate([small.hiss(1.0), small.tone(500, 0.3), small.tone(small.SCALE[0], 0.2), small.hiss(1.5)])
    assert [event.word for event in heard(spotter, sound, [])] == ["low"]


def test_bad_words_and_bundles(bundles: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"words file .*missing\.json cannot be read"):
        Spotter.load(bundles.tones, words=tmp_path / "missing.json")
    with pytest.raises(BundleError, match="a classifier bundle is needed"):
        Spotter.load(bundles.phones)
    with pytest.raises(BundleError, match=r"model\.onnx cannot be run"):
        Spotter.load(_changed(bundles.tones, tmp_path, {"model.onnx": b"no graph"}))


@pytest.mark.parametrize("content", [b"", b"no array", "pickle", "shape", "nan", "whole numbers"])
def test_a_damaged_background(content: bytes | str, bundles: SimpleNamespace, words: Path, tmp_path: Path) -> None:
    if isinstance(content, str):
        file = io.BytesIO()
        made = {
            "pickle": np.array([{"a": 1}], object),
            "shape": np.zeros((4, 3), np.float16),
            "nan": np.full((4, 40), np.nan, np.float16),
            "whole numbers": np.zeros((4, 40), np.int8),
        }[content]
        np.save(file, made, allow_pickle=content == "pickle")
        content = file.getvalue()
    path = _changed(bundles.tones, tmp_path, {"background.npy": content})
    with pytest.raises(BundleError, match=r"background\.npy"):
        Spotter.load(path, words=words)


def _changed(path: Path, folder: Path, members: dict[str, bytes]) -> Path:
    from resonet.bundle import write

    with Bundle.open(path) as bundle:
        content = {name: bundle.read(name) for name in bundle.members} | members
        return write(folder / "changed.resonet", bundle.manifest, content)


def fired(trigger: Trigger, scores: list[float], first: int = 0) -> list[int]:
    rows = np.arange(first, first + len(scores))
    return [first + place for place in trigger.push(rows, np.array(scores, np.float32))]


def test_one_event_a_rise() -> None:
    trigger = Trigger(0.5, shift=0.1)  # a pause is 10 rows, half a second 5
    assert fired(trigger, [0.4, 0.6, 0.9, 0.9]) == [1]
    assert fired(trigger, [0.9] * 30, 4) == []  # it stays up: the same word
    assert fired(trigger, [0.45, 0.6], 34) == [35]  # it fell, and a second went by


def test_twice_in_a_second_needs_quiet_between() -> None:
    dip = [0.9, 0.9, 0.4, 0.4, 0.4, 0.4, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    assert fired(Trigger(0.5, 0.1), dip) == [0, 10]  # not below half the threshold: not before a second
    apart = [0.9, 0.9, 0.1, 0.1, 0.1, 0.9, 0.9]
    assert fired(Trigger(0.5, 0.1), apart) == [0, 5]
    assert fired(Trigger(0.5, 0.1), [0.9, 0.1, 0.9, 0.9, 0.9, 0.9]) == [0, 5]


@given(st.lists(st.floats(0, 1, width=32), max_size=60), st.integers(0, 60))
def test_triggers_do_not_depend_on_pieces_nor_on_what_is_cold(scores: list[float], cut: int) -> None:
    whole = fired(Trigger(0.6, 0.1), scores)
    trigger = Trigger(0.6, 0.1)
    assert fired(trigger, scores[:cut]) + fired(trigger, scores[cut:], min(cut, len(scores))) == whole
    values = np.array(scores, np.float32)
    warm = np.flatnonzero(values >= 0.3)
    assert [int(warm[i]) for i in Trigger(0.6, 0.1).push(warm, values[warm])] == whole
