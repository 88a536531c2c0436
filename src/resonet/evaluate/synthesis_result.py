"""What an evaluation of a voice found: each text with its sounds, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any

from resonet.evaluate.metrics import bootstrap, f0, word_errors
from resonet.evaluate.metrics.bootstrap import Difference
from resonet.evaluate.metrics.speaking_rate import SpeakingRate
from resonet.evaluate.metrics.speed import Speed
from resonet.evaluate.metrics.word_errors import Counts, Step
from resonet.evaluate.recognition import percent

NATURAL, COPY, VOICE = "natural", "copy", "voice"
SYSTEMS = (NATURAL, COPY, VOICE)
FEWEST = 4  # sentences: the interval of fewer would say nothing


@dataclass(frozen=True)
class Heard:
    """What a judge heard, in the scoring form, and its errors."""

    text: str
    words: Counts
    characters: Counts
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Nearness:
    """A sound beside the recording of the same text: distortion in dB, pitch and voicing; and where both are aligned
    sample by sample (copy synthesis) the rest. None for what could not be measured."""

    mcd: float | None
    pitch: f0.PitchErrors | None
    sdr: float | None = None
    si_sdr: float | None = None
    stoi: float | None = None
    pesq: float | None = None


@dataclass(frozen=True)
class Sound:
    """A text as one of SYSTEMS gave it. file: where it lies. noise_floor and f0: None where nothing could be measured;
    f0: the median pitch in Hz. heard: by judge, without those that failed."""

    file: Path
    seconds: float
    rms_dbfs: float
    rate: SpeakingRate
    noise_floor: float | None
    f0: float | None
    near: Nearness | None = None
    heard: Mapping[str, Heard] = field(default_factory=dict)


@dataclass(frozen=True)
class Sentence:
    """A text, as written and as it is to be heard, with its sounds by system, and its words in the sound of `voice`
    (word, start and end in seconds)."""

    text: str
    said: str
    speaker: str
    sounds: Mapping[str, Sound]
    words: tuple[tuple[str, float, float], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The sentence in JSON form."""
        told: dict[str, Any] = {"text": self.text, "reference": self.said, "speaker": self.speaker}
        for system, sound in self.sounds.items():
            told[system] = {
                "seconds": round(sound.seconds, 3),
                **{name: {"text": h.text, "errors": h.words.errors, "words": h.words.units,
                          "character_errors": h.characters.errors} for name, h in sound.heard.items()},
                "mcd_db": sound.near and _rounded(sound.near.mcd),
            }  # fmt: skip
        return told


@dataclass(frozen=True)
class Rates:
    """Errors of one system by one judge. intervals: 95 %; None with too few sentences."""

    sentences: int
    words: Counts
    characters: Counts
    word_interval: bootstrap.Interval | None
    character_interval: bootstrap.Interval | None

    def as_dict(self) -> dict[str, Any]:
        """In JSON form; rates in percent."""
        intervals = [x and [percent(x.low), percent(x.high)] for x in (self.word_interval, self.character_interval)]
        return {
            "sentences": self.sentences,
            "words": self.words.units,
            "wer_percent": percent(self.words.rate),
            "wer_interval_percent": intervals[0],
            "cer_percent": percent(self.characters.rate),
            "cer_interval_percent": intervals[1],
            "substitutions": self.words.substitutions,
            "deletions": self.words.deletions,
            "insertions": self.words.insertions,
        }


@dataclass(frozen=True)
class Result:
    """Everything an evaluation found. name: of the voice; data: of the texts; created: UTC, ISO 8601.

    first_audio: seconds from the text to the first sound, warm, a sentence each. load_seconds: opening the voice.
    failures: (text or file, why) of what could not be spoken, read or judged. notes: what was left out, and why.
    """

    name: str
    data: str
    created: str
    sentences: tuple[Sentence, ...] = field(repr=False)
    judges: tuple[str, ...]
    speed: Speed
    first_audio: tuple[float, ...]
    load_seconds: float | None = None
    failures: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def systems(self) -> tuple[str, ...]:
        """Those of SYSTEMS that any sentence has."""
        return tuple(s for s in SYSTEMS if any(s in sentence.sounds for sentence in self.sentences))

    def sounds(self, system: str) -> list[Sound]:
        return [s.sounds[system] for s in self.sentences if system in s.sounds]

    def rates(self, system: str, judge: str) -> Rates | None:
        """Over the sentences that the judge heard; None where there is none."""
        found = [sound.heard[judge] for sound in self.sounds(system) if judge in sound.heard]
        if not sum(h.words.units for h in found):
            return None
        intervals: list[bootstrap.Interval | None] = [None, None]
        if len(found) >= FEWEST:
            intervals = [
                bootstrap.interval([c.errors for c in counts], [c.units for c in counts])
                for counts in ([h.words for h in found], [h.characters for h in found])
            ]
        return Rates(
            len(found),
            word_errors.total([h.words for h in found]),
            word_errors.total([h.characters for h in found]),
            *intervals,
        )

    def beside_natural(self, judge: str, system: str = VOICE) -> tuple[Difference, Difference] | None:
        """WER and CER of a system minus those of the recordings, over the sentences that have both, drawn together."""
        pairs = [
            (s.sounds[NATURAL].heard[judge], s.sounds[system].heard[judge])
            for s in self.sentences
            if all(x in s.sounds and judge in s.sounds[x].heard for x in (NATURAL, system))
        ]
        if len(pairs) < FEWEST or not sum(a.words.units for a, _ in pairs):
            return None
        words = [(a.words, b.words) for a, b in pairs]
        characters = [(a.characters, b.characters) for a, b in pairs]
        first, second = (
            bootstrap.difference([a.errors for a, _ in x], [b.errors for _, b in x], [a.units for a, _ in x])
            for x in (words, characters)
        )
        return first, second

    def summary(self, system: str) -> dict[str, float | None]:
        """The measures of a system: means over its sentences (of the noise floor and the pitch, medians); None where
        nothing was measured."""
        sounds = self.sounds(system)
        near = [s.near for s in sounds if s.near]
        pitches = [n.pitch for n in near if n.pitch]
        seconds = sum(s.rate.seconds for s in sounds)
        return {
            "seconds": sum(s.seconds for s in sounds),
            "words_a_minute": 60 * sum(s.rate.words for s in sounds) / seconds if seconds else None,
            "characters_a_second": sum(s.rate.characters for s in sounds) / seconds if seconds else None,
            "pauses": _mean(s.rate.pauses for s in sounds),
            "rms_dbfs": _mean(s.rms_dbfs for s in sounds),
            "noise_floor_dbfs": _median(s.noise_floor for s in sounds),
            "f0_hertz": _median(s.f0 for s in sounds),
            "mcd_db": _mean(n.mcd for n in near),
            "f0_rmse_cents": _mean(p.rmse_cents for p in pitches),
            "f0_correlation": _mean(p.correlation for p in pitches),
            "voicing_error": _mean(p.voicing for p in pitches),
            **{key: _mean(getattr(n, key) for n in near) for key in ("sdr", "si_sdr", "stoi", "pesq")},
        }

    def as_dict(self, sentences: bool = False) -> dict[str, Any]:
        """The JSON object of `resonet evaluate --task synthesize --json`, with every sentence if asked for."""
        told: dict[str, Any] = {"voice": self.name, "data": self.data, "created": self.created}
        told["sentences"] = len(self.sentences)
        told["systems"] = {}
        for system in self.systems:
            measures = {key: _rounded(value) for key, value in self.summary(system).items()}
            rates = {judge: found.as_dict() for judge in self.judges if (found := self.rates(system, judge))}
            told["systems"][system] = {**measures, "judges": rates}
        told["beside_natural"] = {
            judge: {
                "wer_difference_percent": percent(gaps[0].difference),
                "wer_difference_interval_percent": [percent(gaps[0].low), percent(gaps[0].high)],
                "cer_difference_percent": percent(gaps[1].difference),
                "cer_difference_interval_percent": [percent(gaps[1].low), percent(gaps[1].high)],
            }
            for judge in self.judges
            if (gaps := self.beside_natural(judge))
        }
        told["real_time_factor"] = round(self.speed.real_time_factor, 5)
        told["cpu_seconds_per_audio_second"] = round(self.speed.cpu_per_audio_second, 5)
        told["peak_mb"] = round(self.speed.peak_mb, 1)
        told["load_ms"] = self.load_seconds and round(1000 * self.load_seconds, 1)
        told["first_audio_ms"] = round(1000 * median(self.first_audio), 1) if self.first_audio else None
        told["first_audio_longest_ms"] = round(1000 * max(self.first_audio), 1) if self.first_audio else None
        told["failures"] = [{"what": what, "reason": reason} for what, reason in self.failures]
        told["notes"] = list(self.notes)
        if sentences:
            told["sentences_scored"] = [s.as_dict() for s in self.sentences]
        return told


def _mean(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return fmean(known) if known else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(median(known)) if known else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
