"""Who speaks, and in which language: pieces, levels, what is refused, and a bundle without voices."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonet.bundle import Bundle, write
from resonet.errors import AudioError, BundleError
from resonet.runtime.identity import Identity

SPEAKER = {"size": 7, "languages": ["de", "en", "zh"], "shortest": 0.5, "longest": 4.0}


def fields(**more: Any) -> dict[str, Any]:
    return {"kind": "embedder", "name": "voices", "family": "resnet_speaker", "sample_rate": 16000, "frame_shift": 0.01,
            "runtime": {"speaker": SPEAKER}, **more}  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with random weights: its voices mean nothing, but they are the same on every way to them."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from resonet.models import registry
    from resonet.train import export

    torch.manual_seed(0)
    family = registry.family("resnet_speaker", "embedders")
    sizes = {"widths": (4, 6), "blocks": (1, 1), "frame": 10, "attention": 5, "size": 7, "mels": 20}
    network = family.Network(registry.configure(family, "small", sizes), 3)
    torch.nn.init.normal_(network.languages.output.weight, std=1.0)  # so that languages differ
    members = {"speaker.onnx": export.identity(network)}
    return write(tmp_path_factory.mktemp("identity") / "voices.resonet", fields(), members)


@pytest.fixture(scope="module")
def identity(path: Path) -> Identity:
    return Identity.load(path)


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * 16000)) / 16000
    return (0.2 * np.sin(2 * np.pi * (200 + 300 * seed) * time) + 0.05 * rng.normal(size=len(time))).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.5, 0.73, 3.0, 4.0, 9.7])
def test_any_length(identity: Identity, seconds: float) -> None:
    voice = identity.voice(sound(seconds))
    assert voice.shape == (7,) and voice.dtype == np.float32
    assert float(np.linalg.norm(voice)) == pytest.approx(1, abs=1e-5)
    chances = identity.language(sound(seconds))
    assert set(chances) == {"de", "en", "zh"} and sum(chances.values()) == pytest.approx(1)
    assert list(chances.values()) == sorted(chances.values(), reverse=True)


def test_long_sound_is_the_mean_of_its_pieces(identity: Identity) -> None:
    whole = np.concatenate([sound(3.9, 0), sound(3.9, 1), sound(3.9, 2)])
    pieces = [identity.hear(part) for part in np.array_split(whole, 3)]
    heard = identity.hear(whole)
    mean = np.mean([p.voice for p in pieces], 0)
    # The level is that of the whole, not of each piece.
    np.testing.assert_allclose(heard.voice, mean / np.linalg.norm(mean), atol=0.02)
    for tag, chance in heard.languages.items():
        assert chance == pytest.approx(np.mean([p.languages[tag] for p in pieces]), abs=0.02)


def test_a_quiet_recording_has_the_same_voice(identity: Identity) -> None:
    assert float(identity.voice(sound(2) * 0.02) @ identity.voice(sound(2))) > 0.99


def test_both_at_once(identity: Identity) -> None:
    heard = identity.hear(sound(2))
    assert np.array_equal(heard.voice, identity.voice(sound(2))) and heard.languages == identity.language(sound(2))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(7999, np.float32), r"0\.50 s are too short to know a voice"),
        (np.zeros(0, np.float32), r"0\.00 s are too short"),
        (np.full(16000, np.nan, np.float32), "NaN or infinite"),
        (np.full(16000, np.inf, np.float32), "NaN or infinite"),
    ],
)
def test_what_is_refused(identity: Identity, samples: np.ndarray, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        identity.hear(samples)


def test_silence_is_no_error(identity: Identity) -> None:
    heard = identity.hear(np.zeros(16000, np.float32))
    assert np.isfinite(heard.voice).all() and sum(heard.languages.values()) == pytest.approx(1)


def test_what_a_bundle_says(path: Path, identity: Identity) -> None:
    with Bundle.open(path) as bundle:
        graph = bundle.read("speaker.onnx")
        assert np.array_equal(Identity.of(bundle).voice(sound(1)), identity.voice(sound(1)))
    assert identity.sha256 == hashlib.sha256(graph).hexdigest()
    assert (identity.name, identity.size, identity.sample_rate, identity.shortest) == ("voices", 7, 16000, 0.5)
    assert identity.languages == ("de", "en", "zh")


def test_a_bundle_of_words_alone(tmp_path: Path) -> None:
    words = write(tmp_path / "words.resonet", fields(name="words", runtime={}), {"model.onnx": b"x"})
    with pytest.raises(BundleError, match=r"words knows no voices \(it has no speaker\.onnx\)"):
        Identity.load(words)


def test_a_graph_that_is_none(tmp_path: Path) -> None:
    broken = write(tmp_path / "broken.resonet", fields(name="broken"), {"speaker.onnx": b"no graph"})
    with pytest.raises(BundleError, match=r"broken\.resonet: speaker\.onnx cannot be run"):
        Identity.load(broken)
