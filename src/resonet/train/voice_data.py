"""The data of a voice, from prepared recordings with texts to corpora that its networks learn from."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resonet.bundle.mel import MelConfig
from resonet.data import load
from resonet.data.split import sentence_key
from resonet.data.utterance import UNKNOWN, Utterance
from resonet.data.waveforms import Waveforms
from resonet.errors import DataError, ResonetError, UsageError
from resonet.train import voice_doctor, voice_units
from resonet.train.assemble import record_of
from resonet.train.made import SHOWN, Progress, Teller, cache, splits
from resonet.train.newcomer import Newcomer
from resonet.train.recipe import Recipe
from resonet.train.voice_corpus import Speakers, VoiceCorpus, sounds

# Of the recordings that are held out so many are checked: a validation should not take a tenth of the training.
_DEV = 80
# What one reader's corpora call their only speaker.
_ALONE = ("reader", UNKNOWN)


@dataclass(frozen=True)
class VoiceData:
    """Train and dev of a voice. `record`: what data.json says; `folder`: the prepared data."""

    folder: Path
    record: dict[str, Any]
    units: voice_units.VoiceUnits
    speakers: Speakers
    languages: tuple[str, ...]
    train: VoiceCorpus
    dev: VoiceCorpus


def read(
    data: Path,
    recipe: Recipe,
    out: Path,
    tell: Teller,
    progress: Progress | None,
    newcomer: Newcomer | None = None,
) -> VoiceData:
    """Reads, examines, decodes, levels and measures the recordings; features go to `out/features`.

    `newcomer`: all are of a speaker more for a voice whose units, languages and other speakers are given.

    Raises DataError: nothing can be used; UsageError: a speaker of `voice.speakers` is not in the data, and as
    BundleError and MissingExtra see voice_units.build and voice_doctor.examined.
    """
    folder = load.resolve(data, language=recipe.language)
    parts = splits(folder, tell)
    check_names([u.speaker for part in parts for u in part], recipe.voice.speakers)
    train, dev = (named(part, recipe.voice.speakers) for part in kept_out(parts, recipe, tell))
    if newcomer is not None:
        train, dev = newcomer.own(train, dev, recipe.language, tell)
    languages = newcomer.languages if newcomer else tuple(sorted({u.language or recipe.language for u in train}))
    dev = [u for u in dev if (u.language or recipe.language) in languages]
    texts = defaultdict(list)
    for u in (*train, *dev):
        texts[u.language or recipe.language].append(u.text)
    units = newcomer.units if newcomer else voice_units.build(recipe, texts)
    dev = dev[:: max(1, len(dev) // _DEV)]
    train, dev = voice_doctor.examined(
        folder, {"train": train, "dev": dev}, units, recipe, out / "features", tell, progress, newcomer is not None
    )
    mel = MelConfig()
    made = {}
    for name, part in (("train", train), ("dev", dev)):
        made[name] = _usable(part, recipe, units, mel, name, tell, progress)
    if not made["train"][0]:
        raise DataError("none of the training utterances can be used", f"run `resonet doctor {folder}`")
    if not made["dev"][0]:
        tell("note", text="no dev utterance can be used: figures are those of training recordings, not of new ones")
        some, codes, _ = made["train"]
        made["dev"] = (some[:8], codes[:8], sounds(some[:8], cache(recipe), mel, None))
    tell("note", text="measures pitch and spectrograms")
    speakers = Speakers.of(made["train"][0], made["train"][2], mel, tuple(recipe.voice.speakers.values()))
    if newcomer is not None:
        speakers = speakers.after(newcomer.others)
    corpora = {}
    for name, (kept, codes, waves) in made.items():
        known = [i for i, u in enumerate(kept) if u.speaker in speakers.names]
        if len(known) < len(kept):
            kept, codes = [kept[i] for i in known], [codes[i] for i in known]
            waves = sounds(kept, cache(recipe), mel, None)
        corpora[name] = VoiceCorpus(
            waves, codes, speakers, languages, out / "features" / name, mel=mel, default=recipe.language
        )
    return VoiceData(folder, record_of(folder), units, speakers, languages, corpora["train"], corpora["dev"])


def kept_out(parts: Sequence[Sequence[Utterance]], recipe: Recipe, tell: Teller) -> list[list[Utterance]]:
    """The utterances of each part but those that say a sentence of the recipe's `voice.without`; UsageError for a file
    that cannot be read."""
    secret: set[str] = set()
    for place in recipe.voice.without:
        try:
            secret |= {sentence_key(line) for line in Path(place).read_text(encoding="utf-8").splitlines()} - {""}
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"voice.without: {place} cannot be read: {error}") from error
    kept = [[u for u in part if sentence_key(u.text) not in secret] for part in parts]
    if recipe.voice.without:
        out = sum(map(len, parts)) - sum(map(len, kept))
        tell("note", text=f"{out} utterances say a sentence that nothing may learn from, and are left out")
    return kept


def named(utterances: Sequence[Utterance], names: dict[str, str]) -> list[Utterance]:
    """The utterances with their speakers called as in `names`; a corpus' only reader is called like the corpus."""
    found = []
    for u in utterances:
        name = _plain(u.speaker)
        found.append(dataclasses.replace(u, speaker=names.get(u.speaker, names.get(name, name)) or UNKNOWN))
    return found


def check_names(speakers: Iterable[str], names: Iterable[str]) -> None:
    """Raises UsageError where `names` has one that none of the speakers is called."""
    there = set(speakers)
    known = there | {_plain(speaker) for speaker in there}
    if absent := sorted(set(names) - known):
        shown = sorted(_plain(speaker) for speaker in there if speaker)
        more = f" and {len(shown) - 6} more" if len(shown) > 6 else ""
        raise UsageError(
            f"voice.speakers names {absent[0]!r}, and the data hold nothing of such a speaker",
            f"they have {', '.join(shown[:6])}{more}" if shown else "they name no speakers",
        )


def _plain(speaker: str) -> str:
    """The name of a speaker of prepared data; that of the corpus for its only one."""
    head, slash, tail = speaker.rpartition("/")
    return head if slash and tail in _ALONE else speaker


def _usable(
    utterances: Sequence[Utterance],
    recipe: Recipe,
    units: voice_units.VoiceUnits,
    mel: MelConfig,
    part: str,
    tell: Teller,
    progress: Progress | None,
) -> tuple[list[Utterance], list[list[int]], Waveforms]:
    """What can be learnt from, with units and sound; what is left out is told."""
    kept: list[Utterance] = []
    codes: list[list[int]] = []
    dropped: list[tuple[str, str]] = []
    for u in utterances:
        seconds = (u.end or 0.0) - u.start
        try:
            code = units.encode(u.text, u.language or recipe.language)
        except ResonetError as error:
            dropped.append((u.id, error.message))
            continue
        if seconds > recipe.longest:
            dropped.append((u.id, f"{seconds:.1f} s is over {recipe.longest:g} s"))
        elif not code:
            dropped.append((u.id, "there is nothing to say"))
        else:
            kept.append(u)
            codes.append(code)
    waves = sounds(kept, cache(recipe), mel, progress)
    # The aligner needs a frame a unit, and learns at half the rate.
    fit = [i for i in range(len(kept)) if len(codes[i]) <= waves.length(i) // mel.hop // 2]
    if len(fit) < len(kept):
        short = sorted(set(range(len(kept))) - set(fit))
        dropped += [
            (kept[i].id, f"{len(codes[i])} units do not fit into {waves.length(i) / mel.sample_rate:.2f} s")
            for i in short
        ]
        kept, codes = [kept[i] for i in fit], [codes[i] for i in fit]
        waves = sounds(kept, cache(recipe), mel, progress)
    if dropped:
        shown = "; ".join(f"{name}: {reason}" for name, reason in dropped[:SHOWN])
        more = f"; and {len(dropped) - SHOWN} more" if len(dropped) > SHOWN else ""
        tell("note", text=f"{len(dropped)} {part} utterances are left out: {shown}{more}", dropped=dropped)
    return kept, codes, waves
