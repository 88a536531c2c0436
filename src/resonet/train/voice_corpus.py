"""The recordings of a voice as training needs them: sound at one level, spectrograms, pitch, units, times of units.

Kept in the folder `features` of a training, a pair of files a split: frames of all utterances end to end, mapped into
memory; so another training (of a vocoder, say) finds them where this one made them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resonet.audio import pitch, speech_span
from resonet.bundle import replacing
from resonet.bundle.mel import MelConfig
from resonet.data.batches import Draw, draw_batches
from resonet.data.utterance import Utterance
from resonet.data.waveforms import Progress, Waveforms

# Level of the speech in a recording, and the highest peak after it was brought there.
LEVEL, PEAK = -23.0, 0.9
# Seconds of silence that stay at the ends.
EDGE = 0.1
# Recordings from which a speaker's range of pitch is first estimated.
_FIRST = 40


def levelled(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """One utterance at -23 dBFS where it is speech, its ends cut to 0.1 s of silence."""
    start, end, level = speech_span(samples, rate)
    if end <= start:
        return samples
    kept = samples[max(0, start - round(EDGE * rate)) : end + round(EDGE * rate)]
    # An offset of the sound card is a step where the recording begins.
    kept = kept - kept.mean()
    gain = 10 ** ((LEVEL - level) / 20)
    return (kept * min(gain, PEAK / max(1e-6, float(np.abs(kept).max())))).astype(np.float32)


def sounds(utterances: Sequence[Utterance], cache: Path, mel: MelConfig, progress: Progress | None) -> Waveforms:
    """The recordings, levelled, at the rate of the voice."""
    return Waveforms(utterances, cache, progress=progress, rate=mel.sample_rate, treatment=levelled)


def hertz(samples: NDArray[np.float32], mel: MelConfig, bounds: pitch.Range | None = None) -> pitch.Track:
    """Pitch of each frame of the spectrogram, float32 [frames]; 0 where there is none."""
    bounds = bounds or pitch.Range()
    return pitch.track(
        samples,
        mel.sample_rate,
        shift=mel.shift,
        first=mel.shift / 2,
        frames=len(samples) // mel.hop,
        low=bounds.low,
        high=bounds.high,
    )


@dataclass(frozen=True)
class Speakers:
    """Names in the order of their numbers, with the range of each one's pitch."""

    names: tuple[str, ...]
    ranges: tuple[pitch.Range, ...]

    @classmethod
    def of(
        cls, utterances: Sequence[Utterance], waves: Waveforms, mel: MelConfig, first: Sequence[str] = ()
    ) -> Speakers:
        """The speakers of the utterances, those named in `first` before the others, which are sorted; their pitch is
        heard in some recordings of each."""
        there = {u.speaker for u in utterances}
        names = tuple(dict.fromkeys([*(name for name in first if name in there), *sorted(there)]))
        rows = defaultdict(list)
        for i, u in enumerate(utterances):
            rows[u.speaker].append(i)
        ranges = []
        for name in names:
            few = np.random.default_rng(0).permutation(rows[name])[:_FIRST]
            ranges.append(pitch.Range.of([hertz(waves.sound(int(i)), mel) for i in few]))
        return cls(names, tuple(ranges))

    def after(self, others: Sequence[str]) -> Speakers:
        """These with others before them, who have no recordings here and so any range."""
        return Speakers((*others, *self.names), (*(pitch.Range() for _ in others), *self.ranges))


class VoiceCorpus:
    """Utterances with units, speaker, language; mel and pitch of each.

    Args:
        waves: the sound of `utterances`, in their order.
        units: of each utterance. languages: their names in the order of their numbers.
        place: path without suffix, where the features are kept; made where they are not those of these recordings.
        default: language of utterances that name none.
    """

    def __init__(
        self,
        waves: Waveforms,
        units: Sequence[Sequence[int]],
        speakers: Speakers,
        languages: Sequence[str],
        place: Path,
        *,
        mel: MelConfig,
        default: str,
        progress: Callable[[Any, int], Any] | None = None,
    ) -> None:
        self.utterances, self.waves, self.mel_config = waves.utterances, waves, mel
        self.units = [list(u) for u in units]
        self.speakers, self.languages = speakers, tuple(languages)
        self.speaker = [speakers.names.index(u.speaker) for u in self.utterances]
        self.language = [self.languages.index(u.language or default) for u in self.utterances]
        self.offsets = np.concatenate([[0], np.cumsum([waves.length(i) // mel.hop for i in range(len(waves))])])
        self._place = place
        if not self._is_whole():
            self._make(progress)
        shape = (int(self.offsets[-1]), mel.mels)
        self._mel: Any = np.memmap(self._file("mel"), np.float16, "r", shape=shape) if shape[0] else np.empty(shape)
        self._pitch: Any = np.memmap(self._file("f0"), np.float16, "r") if shape[0] else np.empty(0)

    def __len__(self) -> int:
        return len(self.utterances)

    def frames(self, index: int) -> int:
        """Frames of an utterance."""
        return int(self.offsets[index + 1] - self.offsets[index])

    def mel(self, index: int) -> NDArray[np.float32]:
        """Log-mel float32 [frames, mels]."""
        return np.asarray(self._mel[self.offsets[index] : self.offsets[index + 1]], np.float32)

    def pitch(self, index: int) -> NDArray[np.float32]:
        """Hz of each frame, float32 [frames]; 0 where there is none."""
        return np.asarray(self._pitch[self.offsets[index] : self.offsets[index + 1]], np.float32)

    @property
    def key(self) -> str:
        """16 hexadecimal digits that change with the recordings and their units."""
        return hashlib.sha256(f"{self.waves.key} {self.units}".encode()).hexdigest()[:16]

    def draws(self, number: int, seconds: float, seed: int) -> list[list[Draw]]:
        """The batches of pass `number`, of at most so many seconds with their padding."""
        hop = self.mel_config.hop
        return draw_batches(
            lambda i, _: self.frames(i) * hop,
            len(self),
            limit=int(seconds * self.mel_config.sample_rate),
            seed=seed,
            number=number,
        )

    def statistics(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and deviation of the log-mels, [mels] each, over some hundred utterances."""
        rows = np.random.default_rng(0).permutation(len(self))[:300]
        frames = np.concatenate([self.mel(int(i)) for i in rows])
        return frames.mean(0), frames.std(0)

    def _file(self, suffix: str) -> Path:
        return self._place.with_name(f"{self._place.name}.{suffix}")

    def _record(self) -> dict[str, Any]:
        # Sound alone decides: units may change, and a spectrogram stay what it is.
        return {"waves": self.waves.key, "mel": self.mel_config.model_dump(), "frames": int(self.offsets[-1])}

    def _is_whole(self) -> bool:
        try:
            same = json.loads(self._file("json").read_text()) == self._record()
            return same and self._file("mel").stat().st_size == 2 * self.offsets[-1] * self.mel_config.mels
        except (OSError, ValueError):
            return False

    def _make(self, progress: Callable[[Any, int], Any] | None) -> None:
        self._place.parent.mkdir(parents=True, exist_ok=True)
        rows: Any = range(len(self))
        with replacing(self._file("mel")) as mels, replacing(self._file("f0")) as pitches:
            for i in progress(rows, len(self)) if progress else rows:
                samples = self.waves.sound(i)
                mels.write(self.mel_config.spectrogram(samples).astype(np.float16).tobytes())
                found = hertz(samples, self.mel_config, self.speakers.ranges[self.speaker[i]])
                pitches.write(found.astype(np.float16).tobytes())
        with replacing(self._file("json")) as file:
            file.write(json.dumps(self._record()).encode())


@dataclass
class VoiceBatch:
    """Rows padded with zeros: units [batch, n], log-mel [batch, frames, mels], and how long each is.

    durations (frames), pitch, energy: of each unit, [batch, n]; empty where nobody asked for them.
    """

    units: Tensor
    lengths: Tensor
    mel: Tensor
    frames: Tensor
    speaker: Tensor
    language: Tensor
    durations: Tensor
    pitch: Tensor
    energy: Tensor
    seconds: float
    names: list[str]


@dataclass(frozen=True)
class Prosody:
    """Of one utterance, an entry a unit: frames, pitch and energy in deviations from the speaker's mean."""

    durations: NDArray[np.int64]
    pitch: NDArray[np.float32]
    energy: NDArray[np.float32]


def batch(corpus: VoiceCorpus, rows: Sequence[int], prosody: Sequence[Prosody] | None = None) -> VoiceBatch:
    """The utterances `rows` as a batch."""
    lengths = [len(corpus.units[i]) for i in rows]
    frames = [corpus.frames(i) for i in rows]
    units = np.zeros((len(rows), max(lengths)), np.int64)
    mel = np.zeros((len(rows), max(frames), corpus.mel_config.mels), np.float32)
    durations = np.zeros(units.shape, np.int64)
    values = np.zeros((2, *units.shape), np.float32)
    for k, i in enumerate(rows):
        units[k, : lengths[k]] = corpus.units[i]
        mel[k, : frames[k]] = corpus.mel(i)
        if prosody is not None:
            durations[k, : lengths[k]] = prosody[i].durations
            values[0, k, : lengths[k]], values[1, k, : lengths[k]] = prosody[i].pitch, prosody[i].energy
    return VoiceBatch(
        units=torch.from_numpy(units),
        lengths=torch.tensor(lengths),
        mel=torch.from_numpy(mel),
        frames=torch.tensor(frames),
        speaker=torch.tensor([corpus.speaker[i] for i in rows]),
        language=torch.tensor([corpus.language[i] for i in rows]),
        durations=torch.from_numpy(durations),
        pitch=torch.from_numpy(values[0]),
        energy=torch.from_numpy(values[1]),
        seconds=sum(frames) * corpus.mel_config.shift,
        names=[corpus.utterances[i].id for i in rows],
    )


def by_length(corpus: VoiceCorpus, seconds: float) -> Iterator[list[int]]:
    """All utterances, once, in batches of like length of at most so many seconds."""
    rows: list[int] = []
    for i in sorted(range(len(corpus)), key=corpus.frames):
        if rows and corpus.frames(i) * (len(rows) + 1) * corpus.mel_config.shift > seconds:
            yield rows
            rows = []
        rows.append(i)
    if rows:
        yield rows


def mask(lengths: Tensor, longest: int) -> Tensor:
    """bool [batch, longest]: what is no padding."""
    return torch.arange(longest, device=lengths.device) < lengths.unsqueeze(1)


def to(made: VoiceBatch, device: str) -> VoiceBatch:
    """The batch with its tensors on a device."""
    moved: dict[str, Any] = {k: v.to(device) for k, v in vars(made).items() if isinstance(v, Tensor)}
    return dataclasses.replace(made, **moved)
