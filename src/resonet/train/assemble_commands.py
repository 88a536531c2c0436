"""Classification of words and embedding of words: from data and recipe to a task that can run."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

from resonet.bundle import replacing
from resonet.data import doctor, load
from resonet.data.aligner import Aligner
from resonet.data.negatives import Negatives
from resonet.data.utterance import Utterance
from resonet.decoding.labels import SILENCE, UNKNOWN
from resonet.errors import DataError, ResonetError, UsageError
from resonet.models import registry
from resonet.text.normalise import normalise
from resonet.train import finish, finish_commands, spoken_phrases, vocabulary
from resonet.train.assemble import examined, record_of
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
from resonet.train.tasks.classify import Classify, label_of
from resonet.train.tasks.embed import Embed

# Clips a word under which a network is told to be a beginning.
_FEW = 20


def classification(data: Path, recipe: Recipe, tell: Teller, progress: Progress | None) -> Made:
    """Clips of words, other speech beside them, and a network of their labels."""
    phrases = spoken_phrases.made(recipe, tell.folder, tell, progress)
    folder = load.resolve(data, language=recipe.language)
    train, dev = splits(folder, tell, labelled=True)
    record = record_of(folder)
    beside = [Path(recipe.clips.synthetic)] if recipe.clips.synthetic else []
    if phrases is not None and phrases.resolve() != data.resolve():
        beside.append(phrases)
    synthetic, names = spoken_phrases.beside(beside, recipe, tell)
    train += synthetic
    train, dev = _examined(folder, train, dev, tell)
    spoken_phrases.describe(record, train, synthetic, names)
    recipe = spoken_phrases.wide_enough(recipe, train, tell)
    words = _checked(train, data, tell)
    negatives = None
    aligner = _aligner(tell) if recipe.clips.negatives else None

    def other(split: str) -> Negatives:
        assert recipe.clips.negatives is not None
        return Negatives(
            recipe.clips.negatives, words, cache=cache(recipe), split=split, aligner=aligner, progress=progress
        )

    if recipe.clips.negatives:
        negatives = other("train")
        tell("note", text=f"{negatives.hours:.2f} h of other speech are heard as `{UNKNOWN}`")
    else:
        tell("note", text=f"without other speech (clips.negatives) `{UNKNOWN}` is made of pieces of the clips")
    task = Classify(recipe, train, dev, cache(recipe), negatives, progress)
    hours = finish.hours_of(task.waves)
    text = (
        f"{len(train)} clips of {len(words)} words to train on ({duration_text(hours)}), {len(task.dev)} to check with"
    )
    tell("data", text=f"{text}; {weights_text(task)}", hours=hours, folder=str(folder))

    def write(learnt: Learnt, recipe: Recipe, path: Path, name: str) -> Path:
        recipe = recipe.model_copy(update={"network": task.recipe.network})
        unheard = None
        if recipe.clips.negatives:
            with suppress(DataError):  # a set without such a part
                unheard = other("dev")
        finish_commands.write_classifier(task, learnt, recipe, path, name=name, record=record, unheard=unheard)
        keep_dev(task.dev, path.parent)
        return path

    return Made(task, {"data": record["sha256"], "units": list(task.labels)}, write)


def embedding(data: Path, recipe: Recipe, tell: Teller, progress: Progress | None) -> Made:
    """Recordings with transcripts, the times of their words, and a network that embeds these."""
    if not registry.family(recipe.family, FAMILIES[recipe.task]).Network.streams:
        raise UsageError(f"the family {recipe.family} embeds voices, not words", "--set family=resnet_pool")
    folder = load.resolve(data, language=recipe.language)
    train, dev = splits(folder, tell)
    texts = [[normalise(u.text, recipe.language) for u in part] for part in (train, dev)]
    words = vocabulary.build(recipe, *texts)
    train, dev = examined(folder, train, dev, recipe, words, tell)

    def spell(text: str) -> list[list[int]]:
        return [words.encode(word) for word in text.split()]

    task = Embed(recipe, train, dev, words.units, spell, cache(recipe), progress)
    hours = finish.hours_of(task.waves)
    text = f"{len(task.waves)} utterances to train on ({duration_text(hours)}), {len(task.dev_waves)} to check with"
    tell("data", text=f"{text}; {weights_text(task)}", hours=hours, folder=str(folder))
    record = record_of(folder)

    def write(learnt: Learnt, recipe: Recipe, path: Path, name: str) -> Path:
        return finish_commands.write_embedder(task, learnt, recipe, path, name=name, record=record)

    return Made(task, {"data": record["sha256"], "units": list(words.units.symbols)}, write)


def keep_dev(clips: list[Utterance], out: Path) -> None:
    """Writes dev/transcripts.tsv in the run's folder: `resonet evaluate --data OUT/dev` judges by the same clips.

    Such a table lists whole recordings; where a clip is a stretch of a longer one, none is written.
    """
    if any(clip.start for clip in clips):
        return
    (out / "dev").mkdir(exist_ok=True)
    with replacing(out / "dev" / "transcripts.tsv") as file:
        rows = [("path", "text", "speaker"), *((str(c.audio.resolve()), label_of(c.text), c.speaker) for c in clips)]
        file.write("".join("\t".join(row) + "\n" for row in rows).encode())


def _examined(
    folder: Path, train: list[Utterance], dev: list[Utterance], tell: Teller
) -> tuple[list[Utterance], list[Utterance]]:
    """The clips without what the doctor finds unusable; its findings are told in a line each."""
    findings = doctor.examine({"train": train, "dev": dev}, labelled=True, quick=True, skipped=load.skipped(folder))
    for finding in findings.findings:
        if finding.severity != "note":
            tell("finding", text=finding_text(finding), finding=finding.as_dict())
    kept = ([u for u in part if u.id not in findings.unusable] for part in (train, dev))
    return next(kept), next(kept)


def _aligner(tell: Teller) -> Aligner | None:
    """The installed recognizer, which finds commands in other speech to the word; None where there is none."""
    try:
        return Aligner()
    except ResonetError as error:
        tell("note", text=f"other speech that holds a command is left out by the sentence: {error.message}")
        return None


def _checked(train: list[Utterance], data: Path, tell: Teller) -> list[str]:
    """The words of the clips; says where there are too few of them."""
    counts = Counter(label_of(u.text) for u in train)
    words = sorted(set(counts) - {UNKNOWN, SILENCE, ""})
    if not words:
        raise DataError(
            f"{data} has no clips of words to train on", "make a folder for each word, with its clips in it"
        )
    single = [w for w in words if counts[w] == 1]
    if single:
        raise DataError(
            f"{data} has one clip alone of {', '.join(single[:SHOWN])}", "record more of it, or take the folder out"
        )
    few = [f"{w} {counts[w]}" for w in words if counts[w] < _FEW]
    if few:
        tell(
            "note",
            text=f"few clips: {', '.join(few[:SHOWN])}{' ...' if len(few) > SHOWN else ''}; with less than {_FEW} a "
            "word expect one in five to be misheard, and new voices more often: more voices help most",
        )
    return words
