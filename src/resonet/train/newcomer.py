"""A speaker more for a voice: whose recordings they are, and whether the voice can read their texts."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from resonet.data.utterance import Utterance
from resonet.errors import DataError, ResonetError, UsageError
from resonet.train.made import Teller
from resonet.train.voice_units import VoiceUnits, base

# Shares: of texts that a voice must be able to read, and of words that its lexicon must have. CMUdict has over 95 % of
# English running text, and some 25 % of German.
_READABLE, _KNOWN = 0.5, 0.6
# Nats by which the units of the texts differ from those that the voice learnt (Kullback-Leibler): for a German voice
# 0.01 to 0.02 with 1,200 letters of other German sentences, 0.11 to 0.21 with English ones. Fewer letters tell nothing.
_STRANGE, _ENOUGH = 0.07, 1000


@dataclass(frozen=True)
class Newcomer:
    """Who joins a voice.

    voice: its name. units, languages, others: what it has, and its speakers in the order of their numbers. name: of the
    new one. reader: of several speakers of the data, the one. counts: how often the voice met each of its units.
    """

    voice: str
    units: VoiceUnits
    languages: tuple[str, ...]
    others: tuple[str, ...]
    name: str
    reader: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    def own(
        self, train: Sequence[Utterance], dev: Sequence[Utterance], default: str, tell: Teller
    ) -> tuple[list[Utterance], list[Utterance]]:
        """The utterances of the new speaker, with name and language as the voice has them; `default`: language of those
        that name none.

        Raises UsageError: they are of several speakers; DataError: in no language that the voice speaks.
        """
        self._check_reader(train)
        parts = [self._in_language([u for u in part if self._is_reader(u)], default, tell) for part in (train, dev)]
        if not parts[0]:
            raise DataError(f"the data hold no recordings of {self.reader or self.name} to learn from")
        self._check_texts(parts[0], tell)
        return parts[0], parts[1]

    def _is_reader(self, utterance: Utterance) -> bool:
        return self.reader is None or self.reader in (utterance.speaker, utterance.speaker.rpartition("/")[2])

    def _check_reader(self, utterances: Sequence[Utterance]) -> None:
        found = Counter(u.speaker for u in utterances if self._is_reader(u))
        if self.reader is not None and not found:
            names = sorted({u.speaker for u in utterances})
            raise UsageError(f"the data have no speaker {self.reader!r}", f"they have {_some(names)}")
        if len(found) > 1:
            raise UsageError(
                f"the recordings are of {len(found)} speakers: {_some(sorted(found))}",
                "a voice is one person's: --reader NAME takes one of them",
            )

    def _in_language(self, utterances: Sequence[Utterance], default: str, tell: Teller) -> list[Utterance]:
        known = {base(language): language for language in reversed(self.languages)}
        named = [(u, known.get(base(u.language or default))) for u in utterances]
        kept = [dataclasses.replace(u, speaker=self.name, language=language) for u, language in named if language]
        others = sorted({u.language or default for u, language in named if language is None})
        if others and not kept:
            raise DataError(
                f"the recordings are in {_some(others)}, and {self.voice} speaks {_some(self.languages)}",
                "begin with a voice that speaks the language",
            )
        if others:
            tell("note", text=f"{len(named) - len(kept)} utterances in {_some(others)} are left out")
        return kept

    def _check_texts(self, utterances: Sequence[Utterance], tell: Teller) -> None:
        """Raises DataError where most texts cannot be read; says so where they look like another language's."""
        counts: Counter[str] = Counter()
        words = known = unread = 0
        fault = ""
        for u in utterances:
            try:
                for sentence in self.units.front_ends[u.language].sentences(u.text, 100_000):
                    counts.update(sentence.symbols)
                    if self.units.lexicon is not None and base(u.language) == "en":
                        spoken = sentence.spoken.lower().replace("-", " ").split()
                        words, known = words + len(spoken), known + sum(w in self.units.lexicon for w in spoken)
            except ResonetError as error:
                unread, fault = unread + 1, fault or error.message
        language = _some(sorted({u.language for u in utterances}))
        if unread > (1 - _READABLE) * len(utterances):
            raise DataError(
                f"{self.voice} cannot read {unread} of the {len(utterances)} texts, the first because: {fault}",
                f"it reads {language}: begin with a voice that speaks the language of the texts",
            )
        if words and known < _KNOWN * words:
            raise DataError(
                f"the lexicon of {self.voice} has only {known / words:.0%} of the words: they are not {language}",
                "begin with a voice that speaks their language",
            )
        if strangeness(counts, self.counts) > _STRANGE:
            tell(
                "finding",
                text=f"warning: the texts are spelled unlike what {self.voice} learnt from: are they in {language}?",
            )


def strangeness(counts: Mapping[str, int], usual: Mapping[str, int]) -> float:
    """Nats by which units that were counted differ from the usual ones, letters and phones alone; 0 where there are few
    of either."""
    units = [unit for unit in counts.keys() | usual.keys() if unit[:1].isalpha()]
    total, all_usual = sum(counts.get(u, 0) for u in units), sum(usual.get(u, 0) for u in units)
    if total < _ENOUGH or all_usual < _ENOUGH:
        return 0.0
    nats = 0.0
    for unit in units:
        if share := counts.get(unit, 0) / total:
            nats += share * math.log(share * (all_usual + len(units)) / (usual.get(unit, 0) + 1))
    return nats


def _some(names: Sequence[str]) -> str:
    """The first few names."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
