"""Windows of sound: what is packed comes out again, what an embedder bundle may bring, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken_tones import embedder, sentence

from resonet.bundle import Bundle, read_manifest, write
from resonet.errors import BundleError, SearchIndexError
from resonet.search import windows
from resonet.search.windows import BASIS, RUN, Windows, described, directions, pack, runs, unpack, weighed


@pytest.fixture(scope="module")
def plain(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedder(small, tmp_path_factory.mktemp("windows") / "plain.resonet")


def opened(path: Path) -> Windows:
    with Bundle.open(path) as bundle:
        return Windows.of(bundle)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 64), st.integers(0, 1 << 30))
def test_what_is_packed_comes_out_again(count: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(count, size)).astype(np.float32)
    made *= rng.uniform(0, 1, (count, 1)).astype(np.float32) / np.linalg.norm(made, axis=1, keepdims=True)
    found = unpack(pack(made), size)
    assert found.shape == made.shape and np.abs(found / 15 - made).max() <= 0.5 / 15 + 1e-6
    vectors, weight = weighed(found)
    length = np.linalg.norm(vectors, axis=1)
    assert np.all(np.isclose(length, 1, atol=1e-5) | (weight == 0)) and weight.max() <= 1


def test_nothing_packs_to_nothing() -> None:
    assert pack(np.empty((0, 24), np.float32)) == b"" and unpack(b"", 24).shape == (0, 24)


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(1, 64))
def test_damage_is_told(blob: bytes, size: int) -> None:
    try:
        assert unpack(blob, size).shape[1] == size
    except SearchIndexError as error:
        assert "damaged" in error.message


def test_an_hour_takes_less_than_it_may(small: Any, plain: Path) -> None:
    """Numbers without any order, at the size and rate of a bundle with directions."""
    made = np.random.default_rng(0).normal(size=(45_000, 24)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    assert len(pack(made)) < 1.2e6


def test_runs_are_neighbours_side_by_side() -> None:
    made = np.arange(24, dtype=np.int8).reshape(12, 2)
    found = runs(made, 2)
    assert found.tolist() == [made[i : i + RUN].ravel().tolist() for i in (0, 2, 4, 6)]
    short = runs(made[:3])
    assert short.shape == (1, 2 * RUN) and short[0, :6].tolist() == list(range(6)) and not short[0, 6:].any()
    assert runs(made[:0]).shape == (0, 2 * RUN)


def test_windows_tell_tones_apart(small: Any, plain: Path) -> None:
    made = opened(plain)
    assert made.hop == pytest.approx(0.08)
    low, high = (small.melody([note], 0.8) for note in (0, 6))
    found = made.of_sound([low, high, small.melody([0], 1.6), np.empty(0, np.float32)])
    assert [len(f) for f in found] == [10, 10, 20, 0]
    assert np.allclose(found[0], found[2][:10], atol=1e-4)
    vectors = [weighed(unpack(pack(f), made.size))[0] for f in found[:2]]
    assert (vectors[0] @ vectors[0].T).min() > 0.9 and np.abs(vectors[0] @ vectors[1].T).max() < 0.2
    assert made.packed([low]) == [pack(found[0])]


def test_a_stretch_is_the_same_in_any_company(small: Any, plain: Path) -> None:
    made = opened(plain)
    sounds = [sentence(small, "boat", "keys"), sentence(small, "knock"), small.quiet(0.03)]
    alone = [made.of_sound([sound])[0] for sound in sounds]
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(alone, made.of_sound(sounds), strict=True))


def test_a_bundle_brings_its_directions(small: Any, plain: Path, tmp_path: Path) -> None:
    with Bundle.open(plain) as bundle:
        member = windows.basis(windows.embedder_of(bundle), [small.melody([0, 3, 5, 1]), small.melody([7, 2, 6, 4])])
    path = embedder(small, tmp_path / "with.resonet", {BASIS: member})
    made = opened(path)
    assert made.size == len(small.SCALE)
    assert described(read_manifest(path)) == {"length": 0.08, "hop": 0.08, "size": made.size}
    assert described(read_manifest(plain)) == {"length": 0.08, "hop": 0.08, "size": opened(plain).size}
    # They turn windows, but not towards or from each other, once what all have in common is gone.
    found = made.of_sound([small.melody([0], 0.8), small.melody([6], 0.8)])
    one, two = (f / np.linalg.norm(f, axis=1, keepdims=True) for f in found)
    assert (one @ one.T).min() > 0.99 and (one @ two.T).max() < 0.2


def test_directions_are_those_that_differ_most() -> None:
    rng = np.random.default_rng(0)
    made = rng.normal(size=(500, 40)).astype(np.float32) * 0.01
    made[:, 3] += 1
    made[:, 7] += rng.choice([-0.5, 0.5], 500)
    mean, kept = directions(made)
    assert kept.shape == (40, 24) and np.allclose(kept.T @ kept, np.eye(24), atol=1e-4)
    assert np.abs(kept[:, 0]).argmax() == 7 and kept[7, 0] > 0 and mean.argmax() == 3


def test_the_embedder_of_a_classifier_does_too(small: Any, tmp_path: Path) -> None:
    path = small.classifier(tmp_path / "words.resonet")
    made = opened(path)
    assert made.size == described(read_manifest(path))["size"] == len(small.SCALE)
    assert len(made.of_sound([small.melody([1, 2])])[0]) == 8


def saved(numbers: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, numbers)
    return content.getvalue()


@pytest.mark.parametrize(
    "member", [b"nothing", saved(np.zeros((3, 8), np.float32)), saved(np.full((9, 8), np.nan, np.float32))]
)
def test_damaged_directions_are_refused(small: Any, member: bytes, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=BASIS):
        opened(embedder(small, tmp_path / "damaged.resonet", {BASIS: member}))


def test_what_embeds_no_words_is_refused(small: Any, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not say how"):
        opened(embedder(small, tmp_path / "untold.resonet", runtime={"delay": 1}))
    with pytest.raises(BundleError, match="has no embedder"):
        opened(small.classifier(tmp_path / "none.resonet", embed=False))
    form = {"speaker": {"size": 8, "languages": ["en"], "shortest": 0.5, "longest": 10.0}}
    fields = {"kind": "embedder", "family": "tones", "sample_rate": 16000, "frame_shift": 0.01, "subsampling": 4}
    voices = write(tmp_path / "voices.resonet", {**fields, "runtime": form}, {"speaker.onnx": b"a network"})
    with pytest.raises(BundleError, match="voices alone"):
        opened(voices)
