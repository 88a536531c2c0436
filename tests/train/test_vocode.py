"""The task of a vocoder: pieces, what its adversaries learn and when, and that a resumption finds them as they were."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from sung_speech import corpus
from torch import nn

from resonet.bundle.mel import MelConfig
from resonet.data import load
from resonet.data.waveforms import Waveforms
from resonet.errors import DataError
from resonet.train import recipe, voice_corpus
from resonet.train.loop import Event, Loop
from resonet.train.tasks import vocode
from resonet.train.tasks.vocode import Predicted, Vocode

MEL = MelConfig()


@pytest.fixture(scope="module")
def waves(tmp_path_factory: pytest.TempPathFactory) -> Waveforms:
    place = tmp_path_factory.mktemp("vocode")
    data = load.resolve(corpus(place / "sung", 6), cache=place / "data", language="la")
    return voice_corpus.sounds(load.utterances(data, "train"), place / "cache", MEL, None)


def plan(*settings: str) -> recipe.Recipe:
    small = "voice.vocoding={segment: 16, adversaries: 0.5, predicted: 0.5, predicted_from: 0.75}"
    network = "network={width: 16, inner: 32, dilations: [1, 2]}"
    return recipe.load("vocoder", [small, network, "batch_seconds=0.7", "threads=1", "precision=float32", *settings])


def task(waves: Waveforms, folder: Path, *predicted: Predicted, settings: tuple[str, ...] = ()) -> Vocode:
    return Vocode(plan(*settings), waves, waves, folder, MEL, predicted)


def values(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_pieces_are_recordings_with_their_spectrograms(waves: Waveforms, tmp_path: Path) -> None:
    made = task(waves, tmp_path)
    batch = made.largest()
    assert batch.mel.shape == (4, 16 + 2 * vocode._MARGIN, 80) and batch.pcm.shape == (4, 16 * 256)
    assert batch.seconds == pytest.approx(4 * 16 * MEL.shift)
    for mel, pcm in zip(batch.mel.numpy(), batch.pcm.numpy(), strict=True):
        middle = mel[vocode._MARGIN : -vocode._MARGIN]
        np.testing.assert_allclose(middle[3:-3], MEL.spectrogram(pcm)[3:-3], atol=1e-3)
    first, again, other = (next(made.batches(*place, 1)) for place in ((0, 1), (0, 1), (1, 1)))
    assert torch.equal(first.pcm, again.pcm) and not torch.equal(first.pcm, other.pcm)
    seconds = sum(waves.length(i) for i in range(len(waves))) / 24000
    assert made.plan(0) == len(list(made.batches(0, 0, 1))) == pytest.approx(seconds / batch.seconds, abs=0.51)


def test_adversaries_join_in_late_and_learn_by_their_own_verdict(waves: Waveforms, tmp_path: Path) -> None:
    made = task(waves, tmp_path)
    batch = made.largest()
    before = values(made.adversaries)
    early = made.loss(batch, 0.49)
    made.updated()
    assert set(early) == {"loss", "mel", "spectral"} and torch.equal(values(made.adversaries), before)
    late = made.loss(batch, 0.5)
    assert set(late) == {"loss", "mel", "spectral", "deceit", "features", "verdict"}
    own = [p.grad.clone() for p in made.adversaries.parameters() if p.grad is not None]
    late["loss"].backward()
    assert all(p.grad is not None and p.grad.any() for p in made.network.parameters() if p.requires_grad)
    # What the vocoder learns by is not added to what they learn by: that would teach them to be deceived.
    after = [p.grad for p in made.adversaries.parameters() if p.grad is not None]
    assert own and len(own) == len(after) and all(map(torch.equal, own, after))
    network = values(made.network)
    made.updated()
    assert not torch.equal(values(made.adversaries), before) and torch.equal(values(made.network), network)
    assert all(p.grad is None for p in made.adversaries.parameters())


def test_their_rate_falls_to_the_end(waves: Waveforms, tmp_path: Path) -> None:
    made = task(waves, tmp_path)
    batch, rate = made.largest(), made.settings.adversary_rate
    for progress, share in ((0.5, 1.0), (0.75, 0.5), (1.0, 0.02)):
        made.loss(batch, progress)
        assert made._adversary.param_groups[0]["lr"] == pytest.approx(share * rate)


def test_a_resumed_vocoder_goes_on_with_its_adversaries(waves: Waveforms, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if event.kind == "step" and event.values["share"] > 0.7:
            signal.raise_signal(signal.SIGINT)

    settings = plan("passes=1")
    whole, parts, fresh = (task(waves, tmp_path) for _ in range(3))
    Loop(whole, settings, tmp_path / "whole").run()
    with pytest.raises(KeyboardInterrupt):
        Loop(task(waves, tmp_path), settings, tmp_path / "parts", interrupt).run()
    loop = Loop(parts, settings, tmp_path / "parts")
    loop.resume()
    assert 0.7 < loop.progress.step / whole.plan(0) < 1
    assert not torch.equal(values(parts.adversaries), values(fresh.adversaries))
    loop.run()
    torch.testing.assert_close(values(parts.adversaries), values(whole.adversaries))
    torch.testing.assert_close(values(parts.network), values(whole.network))


def test_what_an_acoustic_model_predicted_joins_in_later(waves: Waveforms, tmp_path: Path) -> None:
    marked = [np.full((waves.length(i) // 256, 80), -3.0, np.float16) for i in range(len(waves))]
    made = task(waves, tmp_path, Predicted(waves, marked, [1]))
    batch = made.largest()
    flat = [bool((mel[:3] == -3.0).all()) for mel in batch.mel]
    assert flat == [False, False, True, True] and set(batch.names[2:]) == {waves.utterances[1].id}
    heard: list[int] = []
    made.network.register_forward_pre_hook(lambda _, given: heard.append(len(given[0])))
    for progress in (0.0, 0.7, 0.75):
        made.loss(batch, progress)
    assert heard == [2, 2, 4]


def test_validation_and_samples(waves: Waveforms, tmp_path: Path) -> None:
    made = task(waves, tmp_path)
    figures = made.validate()
    assert all(np.isfinite(list(figures.values()))) and set(figures) == {"mel_difference", "spectral_loss"}
    assert made.samples() == []
    names = {file.name for file in (tmp_path / "samples").iterdir()}
    assert names == {"1-recorded.wav", "1-vocoder.wav", "2-recorded.wav", "2-vocoder.wav"}
    assert made.spoken(np.zeros((5, 80), np.float32)).shape == (5 * 256,)


def test_recordings_without_sound(waves: Waveforms, tmp_path: Path) -> None:
    empty = Waveforms([], tmp_path / "cache", rate=24000)
    with pytest.raises(DataError, match="no sound to learn from"):
        Vocode(plan(), empty, waves, tmp_path, MEL)
