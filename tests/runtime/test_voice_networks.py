"""The families of networks that voices are trained with, untrained and tiny, as a voice runs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
small = pytest.importorskip("small_voices", reason="onnx is not installed", exc_type=ImportError)

from resonet.models.synthesizers import resnet_mel  # noqa: E402
from resonet.models.vocoders import resnet_istft  # noqa: E402
from resonet.runtime import Voice  # noqa: E402
from resonet.runtime.vocoder import Vocoder  # noqa: E402
from resonet.train import export  # noqa: E402


@pytest.fixture(scope="module")
def vocoder() -> resnet_istft.Network:
    torch.manual_seed(2)
    return resnet_istft.Network(resnet_istft.Config(width=16, inner=32, dilations=(1, 2, 4)))


@pytest.fixture(scope="module")
def graph(vocoder: resnet_istft.Network) -> bytes:
    return export.vocoder(vocoder)


def test_chunks_are_the_whole(vocoder: resnet_istft.Network, graph: bytes) -> None:
    run = Vocoder(graph, 1, where="vocoder.onnx", hop=small.HOP, context=vocoder.context)
    mel = np.random.default_rng(0).normal(-5, 2, (150, small.MELS)).astype(np.float32)
    (whole,) = run.chunks(mel, [len(mel)])
    peak = np.abs(whole).max()
    assert peak > 0 and len(whole) == len(mel) * small.HOP
    for sizes in ([16, 32, 64], [1] * 149, [149], [40, 40, 40]):
        chunks = np.concatenate(list(run.chunks(mel, sizes)))
        np.testing.assert_allclose(chunks, whole, atol=1e-4 * peak)


def test_they_speak(vocoder: resnet_istft.Network, graph: bytes, tmp_path: Path) -> None:
    torch.manual_seed(2)
    config = resnet_mel.Config(**resnet_mel.Config.presets["2m"])
    acoustic = resnet_mel.Network(config, len(small.SYMBOLS), speakers=2, languages=1)
    members = {"acoustic.onnx": export.acoustic(acoustic), "vocoder.onnx": graph}
    voice = Voice.load(small.voice(tmp_path / "v.resonet", members=members, context=vocoder.context), threads=1)
    text = "Say this at once. And then, a little later, that!"
    speech = voice.speak(text)
    assert [word.text for word in speech.words][:3] == ["Say", "this", "at"]
    assert 0 < speech.words[0].start < speech.words[-1].end <= len(speech.samples) / small.RATE
    assert np.isfinite(speech.samples).all()
    stream = np.concatenate([chunk.samples for chunk in voice.stream(text)])
    np.testing.assert_array_equal(stream, speech.samples)
    assert len(voice.speak(text, speed=2.0).samples) < 0.7 * len(speech.samples)
    assert len(voice.speak(text, speaker="bob").samples) > 0
