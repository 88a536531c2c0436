"""Who of people with known voices speaks in a recording, and in which language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonet import audio
from resonet.audio.source import name_of
from resonet.errors import AudioError, DataError, ResonetError
from resonet.runtime.identity import Heard, Identity
from resonet.runtime.recordings import Samples, Source, sound_of

# Seconds of speech that are heard at once: of a long recording memory holds no more.
_TOGETHER = 30.0


@dataclass(frozen=True)
class Alike:
    """How much a voice is like a speaker's: their cosine, -1..1."""

    speaker: str
    score: float


def hear(identity: Identity, source: Source, sample_rate: int | None = None) -> Heard:
    """Voice and language of a whole recording, of what in it is speech and no silence.

    Args:
        source: a path, the bytes of a file, an open file, or samples float32 [time], which need `sample_rate` (Hz).

    Raises:
        AudioError: not to be read, or too little speech to know a voice.
    """
    heard: list[Heard] = []
    weights: list[int] = []
    blocks = sound_of(source, sample_rate, identity.sample_rate)
    for speech in _portions(_speech(blocks, identity.sample_rate), identity):
        heard.append(identity.hear(speech))
        weights.append(len(speech))
    if not heard:
        name = "the recording" if isinstance(source, np.ndarray) else name_of(source)
        raise AudioError(
            f"{name} holds less than {identity.shortest:g} s of speech, too little to know a voice",
            "give some seconds of one person speaking",
        )
    share = np.array(weights) / sum(weights)
    voice = np.asarray(share @ np.stack([one.voice for one in heard]), np.float32)
    chances = {tag: float(share @ np.array([one.languages[tag] for one in heard])) for tag in heard[0].languages}
    return Heard(
        voice=voice / np.float32(max(float(np.linalg.norm(voice)), 1e-9)),
        languages=dict(sorted(chances.items(), key=lambda item: -item[1])),
    )


class KnownVoices:
    """Speakers and their voices.

    Args:
        voices: [speakers, size], each of length 1.
    """

    def __init__(self, speakers: Sequence[str], voices: NDArray[np.float32]) -> None:
        self.speakers, self.voices = tuple(speakers), voices

    @classmethod
    def of_recordings(
        cls, identity: Identity, recordings: Iterable[tuple[str, Path]], on_error: Callable[[ResonetError], object]
    ) -> KnownVoices:
        """The mean voice of each speaker's recordings, given as (speaker, path); those without a voice are told to
        `on_error`.

        Raises:
            DataError: no voice is left.
        """
        sums: dict[str, NDArray[np.float32]] = {}
        for speaker, path in recordings:
            try:
                voice = hear(identity, path).voice
            except ResonetError as error:
                on_error(error)
            else:
                sums[speaker] = sums.get(speaker, np.zeros_like(voice)) + voice
        if not sums:
            raise DataError("there is no voice of a known speaker", "give a folder a speaker, with recordings in it")
        means = np.stack(list(sums.values()))
        return cls(list(sums), means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), np.float32(1e-9)))

    def nearest(self, voice: NDArray[np.float32], limit: int | None = None) -> list[Alike]:
        """The speakers by how much a voice [size] is like theirs, the most alike first."""
        scores = self.voices @ voice
        return [Alike(self.speakers[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")[:limit]]


def speakers_of(folder: str | Path) -> list[tuple[str, Path]]:
    """Recordings of a folder of folders, each with its speaker: the name of the folder in it that they lie in; of
    recordings that lie in the folder itself, their own name.

    Raises:
        AudioError: there is no recording in it.
    """
    found = audio.find([folder])
    below = [path.relative_to(folder).parts for path in found]
    return [(parts[0] if len(parts) > 1 else path.stem, path) for parts, path in zip(below, found, strict=True)]


def _speech(blocks: Iterable[Samples], rate: int) -> Iterator[Samples]:
    for block in blocks:
        for start, end in audio.speech_regions(block, rate):
            yield block[round(start * rate) : round(end * rate)]


def _portions(pieces: Iterable[Samples], identity: Identity) -> Iterator[Samples]:
    """As much speech at a time as is heard at once; too little at the end goes with what came before, or is nothing."""
    held = np.empty(0, np.float32)
    enough, least = round(_TOGETHER * identity.sample_rate), round(identity.shortest * identity.sample_rate)
    for piece in pieces:
        held = np.concatenate([held, piece])
        if len(held) >= enough + least:
            yield held[:enough]
            held = held[enough:]
    if len(held) >= least:
        yield held
