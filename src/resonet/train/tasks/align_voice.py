"""Alignment of a voice: recordings and their units in, the frames of every unit out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resonet.audio import pitch
from resonet.bundle import replacing
from resonet.data.batches import Draw
from resonet.models import aligner
from resonet.models.synthesizers.resnet_mel import LONGEST
from resonet.train import pictures
from resonet.train.recipe import Recipe
from resonet.train.voice_corpus import Prosody, VoiceBatch, VoiceCorpus, batch, by_length, to

# Share of training after which the best path alone is made likelier, and the weight of that.
_BINARY_FROM, _BINARY = 0.3, 0.3


class AlignVoice:
    """The task of alignment; see `train.loop.Task`. `network` is a models.aligner.Network."""

    def __init__(self, recipe: Recipe, train: VoiceCorpus, dev: VoiceCorpus, units: int, folder: Path) -> None:
        self.recipe, self.train, self.dev, self.folder = recipe, train, dev, folder
        torch.manual_seed(recipe.seed)
        self.network = aligner.Network(units, len(train.speakers.names), train.mel_config.mels).to(recipe.device)
        mean, deviation = train.statistics()
        self._plans: dict[int, list[list[Draw]]] = {}
        self.network.set_statistics(torch.from_numpy(mean), torch.from_numpy(deviation))

    def plan(self, number: int) -> int:
        """Batches of pass `number`."""
        return len(self._plan(number))

    def batches(self, number: int, start: int, step: int) -> Iterator[VoiceBatch]:
        """Every `step`-th batch of a pass from number `start` on."""
        for draws in self._plan(number)[start::step]:
            yield batch(self.train, [d.index for d in draws])

    def largest(self) -> VoiceBatch:
        """The batch that takes the most memory."""
        plan = self._plan(0)
        cost = [max(self.train.frames(d.index) for d in draws) * len(draws) for draws in plan]
        return batch(self.train, [d.index for d in plan[int(np.argmax(cost))]])

    def loss(self, made: VoiceBatch, progress: float) -> dict[str, Tensor]:
        """All paths, and later the best one."""
        b = to(made, self.recipe.device)
        scores = self.network(b.units, b.lengths, b.mel, b.speaker, self.prior(b, True), halved=True)
        frames = b.frames // 2
        total = aligner.forward_sum(scores, b.lengths, frames)
        parts = {"all_paths": total}
        if progress >= _BINARY_FROM:
            fits = b.lengths <= frames
            if fits.any():
                path = _path(scores[fits], b.lengths[fits], frames[fits])
                parts["best_path"] = -torch.log_softmax(scores[fits], 2)[path].mean()
                total = total + _BINARY * parts["best_path"]
        return {"loss": total, **parts}

    def _plan(self, number: int) -> list[list[Draw]]:
        if number not in self._plans:
            seed = self.recipe.seed * 10 + 1
            self._plans = {number: self.train.draws(number, self.recipe.batch_seconds, seed)}
        return self._plans[number]

    @torch.no_grad()
    def durations(self, corpus: VoiceCorpus) -> list[NDArray[np.int64]]:
        """Frames of each unit of every utterance; they add up to the utterance's."""
        self.network.eval()
        found: dict[int, NDArray[np.int64]] = {}
        for rows in by_length(corpus, 60.0):
            b = to(batch(corpus, rows), self.recipe.device)
            scores = self.network(b.units, b.lengths, b.mel, b.speaker, self.prior(b))
            path = aligner.monotonic(scores.cpu().numpy(), b.lengths.cpu().numpy(), b.frames.cpu().numpy())
            found.update({i: path[k, : len(corpus.units[i])] for k, i in enumerate(rows)})
        return [found[i] for i in range(len(corpus))]

    def prior(self, b: VoiceBatch, halved: bool = False) -> Tensor:
        """Log prior [batch, frames, n] of rows of unequal length; `halved`: frames by two."""
        frames = b.frames // 2 if halved else b.frames
        prior = torch.zeros(len(b.lengths), b.mel.shape[1] // 2 if halved else b.mel.shape[1], b.units.shape[1])
        for row, n, t in zip(prior, b.lengths.tolist(), frames.tolist(), strict=True):
            row[:t, :n] = aligner.even_pace(n, t)
        return prior.to(b.mel.device)

    def validate(self) -> dict[str, float]:
        """On dev: minus log probability of all paths, and the median unit in ms."""
        self._found = self.durations(self.dev)
        flat = np.concatenate(self._found)
        with torch.no_grad():
            losses = [float(self.loss(batch(self.dev, rows), 0.0)["loss"]) for rows in by_length(self.dev, 60.0)]
        figures = {
            "path_loss": float(np.mean(losses)),
            "unit_ms": float(np.median(flat)) * self.dev.mel_config.shift * 1000,
            "shortest_share": 100 * float((flat == 1).mean()),
        }
        return figures

    def samples(self) -> list[str]:
        """Draws the alignment of a dev utterance as a picture in `samples`."""
        row = int(np.argsort([self.dev.frames(i) for i in range(len(self.dev))])[len(self.dev) // 2])
        b = to(batch(self.dev, [row]), self.recipe.device)
        with torch.no_grad():
            scores = self.network(b.units, b.lengths, b.mel, b.speaker)[0].exp().cpu().numpy()
        pictures.save(self.folder / "samples" / "alignment.png", [scores.T[::-1], self.dev.mel(row).T[::-1]])
        return []


def _path(scores: Tensor, lengths: Tensor, frames: Tensor) -> Tensor:
    """bool [batch, frames, n]: the best path."""
    durations = aligner.monotonic(scores.detach().cpu().numpy(), lengths.cpu().numpy(), frames.cpu().numpy())
    ends = torch.from_numpy(durations.cumsum(1)).unsqueeze(1)
    starts = ends - torch.from_numpy(durations).unsqueeze(1)
    time = torch.arange(scores.shape[1]).view(1, -1, 1)
    return ((time >= starts) & (time < ends)).to(scores.device)


def figures(durations: Sequence[NDArray[np.int64]], shift: float) -> dict[str, float]:
    """What tells a good alignment: median unit (ms), share of units of one frame (%), the longest unit (frames), and
    the share of utterances with a unit that is too long (%)."""
    flat = np.concatenate(durations)
    return {
        "median_ms": round(float(np.median(flat)) * shift * 1000, 1),
        "one_frame_percent": round(100 * float((flat == 1).mean()), 2),
        "longest_frames": int(flat.max()),
        "too_long_percent": round(100 * float(np.mean([d.max() > LONGEST for d in durations])), 2),
    }


def save_durations(path: Path, **parts: tuple[str, Sequence[NDArray[np.int64]]]) -> None:
    """Writes the durations of each split with the key of its corpus; the file appears whole."""
    content: dict[str, NDArray] = {}
    for name, (key, durations) in parts.items():
        content[f"{name}_key"] = np.array(key)
        content[f"{name}_lengths"] = np.array([len(d) for d in durations], np.int64)
        content[f"{name}_frames"] = np.concatenate(durations).astype(np.int32)
    with replacing(path) as file:
        np.savez_compressed(file, **content)  # type: ignore[arg-type]


def load_durations(path: Path, name: str, key: str) -> list[NDArray[np.int64]] | None:
    """The durations of a split; None where there are none for a corpus with this key."""
    try:
        with np.load(path) as content:
            if str(content[f"{name}_key"]) != key:
                return None
            ends = np.cumsum(content[f"{name}_lengths"])[:-1]
            return np.split(content[f"{name}_frames"].astype(np.int64), ends)
    except (OSError, ValueError, KeyError):
        return None


def prosody(
    corpus: VoiceCorpus, durations: Sequence[NDArray[np.int64]], energies: NDArray[np.float64]
) -> list[Prosody]:
    """Pitch and energy of every unit; energies [speakers, 2]: mean and deviation of frames' dB."""
    found = []
    for i, frames in enumerate(durations):
        starts = np.cumsum(frames) - frames
        contour = pitch.contour(corpus.pitch(i), corpus.speakers.ranges[corpus.speaker[i]])
        mean, deviation = energies[corpus.speaker[i]]
        level = (loudness(corpus.mel(i)) - mean) / deviation
        found.append(
            Prosody(
                frames,
                (np.add.reduceat(contour, starts) / frames).astype(np.float32),
                (np.add.reduceat(level, starts) / frames).astype(np.float32),
            )
        )
    return found


def loudness(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """dB of each frame of a log-mel, from its summed power."""
    return 10 * np.log10(np.exp(2 * mel).sum(1) + 1e-10)


def energies(corpus: VoiceCorpus) -> NDArray[np.float64]:
    """Mean and deviation of the dB of each speaker's frames, [speakers, 2]."""
    found = []
    for number in range(len(corpus.speakers.names)):
        rows = [i for i in range(len(corpus)) if corpus.speaker[i] == number][:300]
        levels = np.concatenate([loudness(corpus.mel(i)) for i in rows] or [np.zeros(1, np.float32)])
        found.append([levels.mean(), max(1.0, levels.std())])
    return np.array(found)
