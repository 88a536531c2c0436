"""Recognition and pronunciation: from data and recipe to a task that can run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from resonet.data import doctor, load
from resonet.data.utterance import Utterance
from resonet.data.waveforms import SAMPLE_RATE
from resonet.errors import DataError
from resonet.models import registry
from resonet.text.normalise import normalise
from resonet.train import finish, vocabulary
from resonet.train.made import (
    SHOWN,
    Learnt,
    Made,
    Progress,
    Teller,
    cache,
    duration_text,
    finding_text,
    splits,
    weights_text,
)
from resonet.train.recipe import FAMILIES, Recipe
from resonet.train.tasks.pronounce import Pronounce
from resonet.train.tasks.recognize import Recognize, corpus


def recognition(data: Path, recipe: Recipe, tell: Teller, progress: Progress | None) -> Made:
    """Recordings with texts, examined, and a network of their units."""
    folder = load.resolve(data, language=recipe.language)
    train, dev = splits(folder, tell)
    texts = [[normalise(u.text, recipe.language) for u in part] for part in (train, dev)]
    words = vocabulary.build(recipe, *texts)
    if words.read or words.unread:
        tell("note", text=_read_text(words), read=words.read, unread=words.unread)
    train, dev = examined(folder, train, dev, recipe, words, tell)
    task = Recognize(recipe, train, dev, words.units, words.encode, cache(recipe), progress)
    task.words = words.decoder(task.prior)
    _tell_size(task, folder, recipe, tell)

    def write(learnt: Learnt, recipe: Recipe, path: Path, name: str) -> Path:
        lm = Path(recipe.lm) if recipe.lm else None
        return finish.write_recognizer(
            task, learnt, recipe, path, name=name, data=folder, lexicon=words.lexicon, lm=lm, g2p=words.g2p
        )

    return Made(task, {"data": record_of(folder)["sha256"], "units": list(words.units.symbols)}, write)


def pronunciation(data: Path, recipe: Recipe, tell: Teller, progress: Progress | None) -> Made:
    """A lexicon, and a network that reads words."""
    task = Pronounce(recipe, vocabulary.pronunciations(data))
    if not task.parts["train"]:
        raise DataError(f"{data} has no words to learn from", "give CMUdict text or lines of word<TAB>phones")
    counts = ", ".join(f"{len(words):,} {part}" for part, words in task.parts.items())
    tell("data", text=f"{data}: {counts} words; {weights_text(task)}", hours=0.0)

    def write(learnt: Learnt, recipe: Recipe, path: Path, name: str) -> Path:
        return finish.write_g2p(task, learnt, recipe, path, name=name)

    return Made(task, {"units": list(task.units.symbols), "words": sum(map(len, task.parts.values()))}, write)


def record_of(folder: Path) -> dict[str, Any]:
    """What `data.json` of prepared data says."""
    return json.loads((folder / "data.json").read_text(encoding="utf-8"))


def examined(
    folder: Path,
    train: list[Utterance],
    dev: list[Utterance],
    recipe: Recipe,
    words: vocabulary.Vocabulary,
    tell: Teller,
) -> tuple[list[Utterance], list[Utterance]]:
    """Train and dev without what the doctor finds unusable; its findings are told in a line each."""

    def units_of(text: str) -> list[int]:
        try:
            return words.encode(normalise(text, recipe.language))
        except DataError:
            return []  # left out later, with its reason

    allowed = words.units.symbols if words.units.type == "characters" else None
    shift = frame_shift(recipe)

    def usable(part: list[Utterance]) -> list[Utterance]:
        return corpus(part, words.encode, recipe.language, recipe.longest, shift).utterances

    findings = doctor.examine(
        {"train": train, "dev": dev},
        allowed_symbols=allowed,
        frame_shift=shift,
        units_of=units_of,
        quick=True,
        skipped=load.skipped(folder),
    )
    for finding in findings.findings:
        if finding.severity != "note":
            tell("finding", text=finding_text(finding), finding=finding.as_dict())
    train, dev = ([u for u in part if u.id not in findings.unusable] for part in (train, dev))
    if not usable(train):
        raise DataError("none of the training utterances can be used", f"run `resonet doctor {folder}`")
    if not usable(dev):
        tell("note", text="no dev utterance can be used: error rates are those of training recordings, not of new ones")
        dev = usable(train)[:16]
    return train, dev


def frame_shift(recipe: Recipe) -> float:
    """Seconds between the outputs of the recipe's network."""
    module = registry.family(recipe.family, FAMILIES[recipe.task])
    network = module.Network(registry.configure(module, recipe.preset, recipe.network), 2)
    return network.stride / SAMPLE_RATE


def _tell_size(task: Recognize, folder: Path, recipe: Recipe, tell: Teller) -> None:
    for part, dropped in (("train", task.train.dropped), ("dev", task.dev.dropped)):
        if dropped:
            shown = "; ".join(f"{name}: {reason}" for name, reason in dropped[:SHOWN])
            more = f"; and {len(dropped) - SHOWN} more" if len(dropped) > SHOWN else ""
            tell("note", text=f"{len(dropped)} {part} utterances are left out: {shown}{more}", dropped=dropped)
    hours = finish.hours_of(task.waves)
    tell(
        "data",
        text=(
            f"{len(task.waves)} utterances to train on ({duration_text(hours)}), {len(task.dev_waves)} to check with; "
            f"{len(task.units) - 1} {task.units.type}; {weights_text(task)}"
        ),
        hours=hours,
        folder=str(folder),
        family=recipe.family,
        preset=recipe.preset,
    )


def _read_text(words: vocabulary.Vocabulary) -> str:
    parts = []
    if words.read:
        parts.append(f"{len(words.read)} words are read by the g2p bundle ({', '.join(words.read[:SHOWN])} ...)")
    if words.unread:
        parts.append(f"{len(words.unread)} words have no pronunciation ({', '.join(words.unread[:SHOWN])} ...)")
    return "; ".join(parts)
