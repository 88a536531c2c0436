"""Voices and languages: from data and recipe to a task that can run."""

from __future__ import annotations

from pathlib import Path

from resonet.bundle import Bundle
from resonet.data import load
from resonet.data.utterance import Utterance
from resonet.errors import DataError, UsageError
from resonet.models import registry
from resonet.train import finish, finish_identity
from resonet.train.assemble import record_of
from resonet.train.made import SHOWN, Learnt, Made, Progress, Teller, cache, duration_text, splits, weights_text
from resonet.train.recipe import FAMILIES, Recipe
from resonet.train.tasks.identify import Identify

# Seconds under which a recording says nothing of who speaks.
_SHORTEST = 0.3
# Speakers of a language under which a network may take their voices for it.
_FEW = 20


def identification(data: Path, recipe: Recipe, tell: Teller, progress: Progress | None) -> Made:
    """Recordings with speakers and languages, and a network that knows both of people it never heard."""
    if registry.family(recipe.family, FAMILIES[recipe.task]).Network.streams:
        raise UsageError(f"the family {recipe.family} embeds words, not voices", "--set family=resnet_speaker")
    if recipe.identity.words:
        Bundle.open(recipe.identity.words, "embedder").close()  # it is needed at the end: better told now
    folder = load.resolve(data, language=recipe.language)
    train, dev = splits(folder, tell)
    train, dev = _long_enough(train, "train", tell), _long_enough(dev, "dev", tell)
    if not train:
        raise DataError("none of the training utterances can be used", f"run `resonet doctor {folder}`")
    task = Identify(recipe, train, dev, cache(recipe), progress)
    _tell(task, folder, tell)
    record = record_of(folder)

    def write(learnt: Learnt, recipe: Recipe, path: Path, name: str) -> Path:
        return finish_identity.write_identity(task, learnt, recipe, path, name=name, record=record)

    return Made(task, {"data": record["sha256"], "units": list(task.languages)}, write)


def _long_enough(utterances: list[Utterance], part: str, tell: Teller) -> list[Utterance]:
    kept = [u for u in utterances if (u.end or 0.0) - u.start >= _SHORTEST]
    if len(kept) < len(utterances):
        names = [u.id for u in utterances if (u.end or 0.0) - u.start < _SHORTEST]
        tell("note", text=f"{len(names)} {part} utterances are under {_SHORTEST} s: {', '.join(names[:SHOWN])} ...")
    return kept


def _tell(task: Identify, folder: Path, tell: Teller) -> None:
    hours = finish.hours_of(task.waves)
    counts = task.speakers_of_languages()
    said = ", ".join(f"{tag} {count}" for tag, count in counts.items())
    tell(
        "data",
        text=f"{len(task.waves)} utterances of {len(task.people)} speakers to train on ({duration_text(hours)}; "
        f"{said}), {len(task.dev)} to check with; {weights_text(task)}",
        hours=hours,
        folder=str(folder),
    )
    few = [f"{tag} {count}" for tag, count in counts.items() if count < _FEW]
    if few and len(counts) > 1:
        tell(
            "note",
            text=f"few speakers: {', '.join(few)}; with less than {_FEW} of a language expect it to be missed where "
            "voices are of another kind",
        )
