"""A second look by the embedder at what a classifier takes for a word, on sounds of tones."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("onnx")
import itertools

import small_spotters as small

from resonet import Spotter
from resonet.bundle import Bundle
from resonet.errors import BundleError
from resonet.runtime.embedder import Embedder
from resonet.runtime.second_look import LOW, MEMBER, SecondLook
from resonet.runtime.spotter import LabelListener

WORDS = ("low", "high")
LENGTHS = {"low": [0.4, 0.5, 0.6], "high": [0.5]}
# Odds of the classifier count little, and likeness to the word much.
WEIGHTS = [0.5, 12.0, 0.0, -8.0]


def both(hertz: float, other: float, seconds: float = 0.6) -> np.ndarray:
    """Two tones at once: the classifier hears the first only, the embedder the second only."""
    return small.tone(hertz, seconds, 0.25) + small.tone(other, seconds, 0.25)


TRUE = both(500, small.SCALE[7])
FALSE = both(500, small.SCALE[3])


def prototypes() -> np.ndarray:
    embedder = Embedder(small.embedder_graph(), small.FORM)
    clips = {"low": [(TRUE, 0.0, 0.6)], "high": [(both(1500, small.SCALE[5]), 0.0, 0.6)]}
    found, lengths = SecondLook.of_clips(embedder, clips)
    assert found.shape == (2, embedder.size) and lengths == pytest.approx(np.full((2, 4), 0.6))
    return found


def saved(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, values.astype(np.float16), allow_pickle=False)
    return content.getvalue()


def bundle(path: Path, member: bytes, **look: Any) -> Path:
    look = {"weights": WEIGHTS, "lengths": LENGTHS, **look}
    return small.classifier(path, members={MEMBER: member}, second_look=look)


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Spotter:
    with Bundle.open(bundle(tmp_path_factory.mktemp("look") / "look.resonet", saved(prototypes()))) as opened:
        return Spotter(opened, threads=1)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Spotter:
    with Bundle.open(small.classifier(tmp_path_factory.mktemp("plain") / "plain.resonet")) as opened:
        return Spotter(opened, threads=1)


def heard(spotter: Spotter, sound: np.ndarray) -> list[tuple[str, float]]:
    stream = spotter.stream()
    return [(event.word, event.time) for event in (*stream.push(sound), *stream.finish())]


def test_what_only_the_classifier_takes_for_a_word_is_none(plain: Spotter, looking: Spotter) -> None:
    sound = np.concatenate([small.hiss(1.5), FALSE, small.hiss(2.0), TRUE, small.hiss(1.5)])
    assert [word for word, _ in heard(plain, sound)] == ["low", "low"]
    ((word, time),) = heard(looking, sound)
    assert word == "low" and 4.1 < time < 5.3


def test_it_costs_no_delay(plain: Spotter, looking: Spotter) -> None:
    first, second = (spotter.listeners()[0] for spotter in (plain, looking))
    assert isinstance(first, LabelListener) and first.words == second.words
    assert (first.shift, first.delay) == (second.shift, second.delay)


def test_a_probability_is_that_of_the_weights(looking: Spotter, plain: Spotter) -> None:
    sound = np.concatenate([small.hiss(1.0), TRUE, small.hiss(1.0)])
    rows = []
    for spotter in (plain, looking):
        listener = spotter.listeners()[0]
        rows.append(np.concatenate([listener.push(sound), listener.finish()])[:, 0])
    before, after = rows
    assert (after[before < LOW] == 0).all() and (after[before >= LOW] > 0).all()
    # By hand at the surest row: the stretch that ends 0.04 s (the embedder's look ahead) before it, 0.6 s long, is the
    # word itself, whose cosine to the prototype is 1.
    best = int(after.argmax())
    odds = np.log(before[best] / (1 - before[best]))
    assert after[best] == pytest.approx(1 / (1 + np.exp(-(0.5 * odds + 12.0 - 8.0))), abs=2e-3)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 4 * small.RATE), max_size=8))
def test_the_same_whatever_the_pieces(looking: Spotter, cuts: list[int]) -> None:
    sound = np.concatenate([small.hiss(0.7), FALSE, small.hiss(0.9), TRUE, small.hiss(1.2)])
    whole, cut = looking.listeners()[0], looking.listeners()[0]
    wanted = np.concatenate([whole.push(sound), whole.finish()])
    places = [0, *sorted(min(c, len(sound)) for c in cuts), len(sound)]
    pieces = [cut.push(sound[a:b]) for a, b in itertools.pairwise(places)]
    assert np.abs(np.concatenate([*pieces, cut.finish()]) - wanted).max() < 1e-4


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    good = saved(prototypes())
    for member, look, said in (
        (saved(prototypes()[:1]), {}, "other words"),
        (good, {"lengths": {"low": [0.5]}}, "other words"),
        (saved(np.zeros((2, 3))), {}, "embeddings of 40"),
        (b"no array", {}, "damaged"),
    ):
        path = bundle(tmp_path / "bad.resonet", member, **look)
        with pytest.raises(BundleError, match=said):
            Spotter.load(path)
    with pytest.raises(BundleError, match="weights"):
        bundle(tmp_path / "bad.resonet", good, weights=[1.0])
    with pytest.raises(BundleError, match="go together"):
        small.classifier(tmp_path / "bad.resonet", members={MEMBER: good})
    with pytest.raises(BundleError, match=r"needs embed\.onnx"):
        small.classifier(
            tmp_path / "bad.resonet", False, members={MEMBER: good},
            second_look={"weights": WEIGHTS, "lengths": LENGTHS},
        )  # fmt: skip


def test_its_weights_are_fitted_on_what_the_classifier_mistakes(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from resonet import audio
    from resonet.data.negatives import Negatives
    from resonet.data.utterance import Utterance
    from resonet.data.waveforms import Waveforms
    from resonet.train import recipe as recipes
    from resonet.train import second_look

    def recorded(name: str, sound: np.ndarray, text: str) -> Utterance:
        audio.write(tmp_path / f"{name}.wav", sound, small.RATE)
        return Utterance(name, tmp_path / f"{name}.wav", text, end=len(sound) / small.RATE)

    # Every few seconds of the other speech sound like a word to the classifier, though not to the embedder.
    speech = np.concatenate([np.concatenate([small.hiss(2.2, i, 0.02), FALSE]) for i in range(25)])
    negatives = Negatives([recorded("speech", speech, "something else")], WORDS, cache=tmp_path / "cache")
    said = {"low": TRUE, "high": both(1500, small.SCALE[5])}
    clips = [
        recorded(
            f"{word}-{i}", np.concatenate([small.quiet(0.2), said[word] * (0.5 + 0.05 * i), small.quiet(0.2)]), word
        )
        for word in WORDS
        for i in range(10)
    ]
    targets = [small.LABELS.index(u.text) for u in clips]
    waves = Waveforms(clips, tmp_path / "cache")
    task: Any = SimpleNamespace(
        recipe=recipes.load("commands", ["augmentation.noise_probability=0", "augmentation.room_probability=0"]),
        labels=list(small.LABELS), train=clips, targets=targets, waves=waves, dev_waves=waves, dev_targets=targets,
        network=SimpleNamespace(config=SimpleNamespace(window=small.WINDOW * small.FRAME), stride=small.STRIDE),
    )  # fmt: skip
    plain = small.classifier(tmp_path / "plain.resonet")
    found = second_look.fit(plain, task, negatives)
    assert found is not None
    member, fields = found
    assert fields["lengths"].keys() == set(WORDS)
    odds, own, _, _ = fields["weights"]
    assert own > 1 and own > odds > 0
    with Bundle.open(bundle(tmp_path / "look.resonet", member, **fields)) as opened:
        spotter = Spotter(opened, threads=1)
    sound = np.concatenate([small.hiss(1.5, 1, 0.02), FALSE, small.hiss(2.0, 2, 0.02), TRUE, small.hiss(1.5, 3, 0.02)])
    assert [word for word, _ in heard(spotter, sound)] == ["low"]
    # A handful of clips says nothing.
    few: Any = SimpleNamespace(
        **{**vars(task), "dev_waves": Waveforms(clips[:2], tmp_path / "cache"), "dev_targets": targets[:2]}
    )
    assert second_look.fit(plain, few, negatives) is None
