"""From log-probabilities to words: the decoder that a bundle's members ask for, and transcripts from its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonet.bundle import Bundle
from resonet.decoding import BeamOptions, Hypothesis, LexiconBeam, greedy
from resonet.decoding.beam import log_prior
from resonet.decoding.confidence import Confidence
from resonet.decoding.ngram import NgramModel
from resonet.errors import BundleError
from resonet.text.lexicon import Lexicon
from resonet.text.transcript import Segment, Transcript, Word
from resonet.text.units import Units

# Seconds without words that end a segment.
_PAUSE = 0.6
# Parts decoded in one call: the search holds copies of their scores, and three hours have hundreds of parts.
_TOGETHER = 128
# A stretch whose words explain the sound by no more than this better than blanks (natural log, mean of its words) has
# no speech. Chosen on noise to train with and spoken dev sentences: of these hardly any lie below, of the noise most.
_LEAST_EVIDENCE = 2.0


@dataclass(frozen=True)
class Part:
    """A stretch of a recording: its first frame there, and log-probs [frames, units]."""

    start: int
    scores: NDArray[np.float32]


class Words:
    """Lexicon beam search where the bundle has `lexicon.bin` (with `lm.bin` if it is there), else the best path.

    Safe to share between threads.
    """

    def __init__(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        assert manifest.units is not None  # the manifest was checked: a recognizer has units
        self.units = Units(manifest.units.type, manifest.units.symbols)
        self.shift = manifest.output_shift
        settings = manifest.decoding
        self.confidence = Confidence(settings.confidence) if settings and settings.confidence else Confidence()
        self.beam: LexiconBeam | None = None
        if bundle.has("lexicon.bin"):
            lm = NgramModel.from_bytes(bundle.read("lm.bin")) if bundle.has("lm.bin") else None
            chosen = settings.model_dump(include=set(BeamOptions.__dataclass_fields__)) if settings else {}
            options = BeamOptions(**{k: v for k, v in chosen.items() if v is not None})
            lexicon = Lexicon.from_bytes(bundle.read("lexicon.bin"))
            prior = self._prior(bundle) if options.prior_weight else None
            self.beam = LexiconBeam(self.units, lexicon, lm, options, prior)

    def _prior(self, bundle: Bundle) -> NDArray[np.float32]:
        stats = bundle.stats()
        if stats is None or not stats.units:
            raise BundleError(
                f"{bundle.path} has a prior_weight, but no stats.json with the counts of its units", "pack it with one"
            )
        return log_prior([stats.units.get(symbol, 0) for symbol in self.units.symbols])

    def decode(self, parts: Sequence[Part]) -> list[list[Word]]:
        """Words of each part, with times in its recording."""
        words: list[list[Word]] = []
        for i in range(0, len(parts), _TOGETHER):
            some = parts[i : i + _TOGETHER]
            scores = [part.scores for part in some]
            found = self.beam.decode(scores) if self.beam else greedy.decode(scores, self.units)
            words += [self._timed(h, part) for h, part in zip(found, some, strict=True)]
        return words

    def _timed(self, hypothesis: Hypothesis, part: Part) -> list[Word]:
        if evidence(hypothesis, part.scores) < _LEAST_EVIDENCE * len(hypothesis.words):
            return []
        return [
            Word(w.word, (part.start + w.start) * self.shift, (part.start + w.end) * self.shift, min(1.0, max(0.0, c)))
            for w, c in zip(hypothesis.words, self.confidence.of(hypothesis), strict=True)
        ]


def evidence(hypothesis: Hypothesis, scores: NDArray[np.float32]) -> float:
    """Natural log of how much better the words explain their frames than blanks would; scores [frames, units].

    Neither language model nor priors speak here: in noise it is they who make words.
    """
    over_blank = scores.max(axis=1) - scores[:, 0]
    return sum(w.score * (w.end - w.start) + float(over_blank[w.start : w.end].sum()) for w in hypothesis.words)


def transcript(words: list[Word], duration: float, language: str) -> Transcript:
    """The transcript of a recording from all its words; segments end at pauses, no time lies past the end."""
    words = [Word(w.word, min(w.start, duration), min(w.end, duration), w.confidence) for w in words]
    segments: list[list[Word]] = []
    for word in words:
        if segments and word.start - segments[-1][-1].end < _PAUSE:
            segments[-1].append(word)
        else:
            segments.append([word])
    return Transcript(
        text=" ".join(w.word for w in words),
        words=tuple(words),
        segments=tuple(Segment(s[0].start, s[-1].end, " ".join(w.word for w in s)) for s in segments),
        duration=duration,
        language=language,
    )
