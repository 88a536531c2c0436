"""A whole training: data and recipe in, a bundle out. Everything else in this room is one of its parts.

In the output folder: `recipe.yaml` (resolved), `run.json` (what a resumption must find the same), `log.jsonl` (one
event a line), `progress.html` (curves), `checkpoint.pt`, `bad/`, and at the end the bundle.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from resonet.bundle import replacing
from resonet.data import doctor, load, split
from resonet.data.findings import Finding
from resonet.data.utterance import Utterance
from resonet.data.waveforms import SAMPLE_RATE
from resonet.errors import DataError, TrainError, UsageError
from resonet.models import registry
from resonet.text.normalise import normalise
from resonet.train import finish, log, page, start, vocabulary
from resonet.train import recipe as recipes
from resonet.train.loop import Event, Listener, Loop, Task, World
from resonet.train.probe import probe
from resonet.train.recipe import Recipe
from resonet.train.tasks.pronounce import Pronounce
from resonet.train.tasks.recognize import Recognize, corpus

Progress = Callable[[Iterable[Any], int], Iterable[Any]]

# Validations and checkpoints in a run by the clock: at least so many.
_CHECKS = 6
_SHOWN = 3  # names in a line about utterances


def train(
    data: str | Path,
    recipe: Recipe,
    out: Path,
    *,
    name: str,
    resume: bool = False,
    listener: Listener | None = None,
    progress: Progress | None = None,
) -> Path:
    """Trains as the recipe says and writes `out/NAME.resonet`; returns its path.

    Args:
        data: what `resonet prepare` wrote or any raw source; for pronunciation a lexicon file.
        name: of the bundle.
        resume: take up the run in `out` from its last checkpoint.
        listener: is told of every event (those of `loop.Event`, and `data`, `finding`, `note`, `probe`, `bundle`, whose
            `text` is a line for people).
        progress: wraps recordings while they are decoded (given their number), for a progress bar.

    Raises:
        UsageError: a setting that does not fit this machine, data or start; `out` holds another run.
        DataError: the data, lexicon or language model cannot be used, or are no longer those of the run.
        TrainError: see `loop.Loop`; the largest batch does not fit into memory.
        KeyboardInterrupt: Ctrl-C; a checkpoint is written.
    """
    out = Path(out)
    check_folder(out, resume)
    check_network(recipe)
    recipe = paced(recipe)
    torch.set_flush_denormal(True)  # tiny activations would cost ten times as much
    world = World()
    check_device(recipe)
    out.mkdir(parents=True, exist_ok=True)
    if not resume and world.rank == 0:
        (out / log.NAME).unlink(missing_ok=True)  # of a run that ended before its first checkpoint
    tell = Teller(out, listener, world.rank == 0)
    made = in_turn(world, lambda: _task(Path(data), recipe, tell, progress))
    if world.rank == 0:
        _record(out, made, Path(data), name, resume)
    if recipe.start and not resume:
        start.begin(made.task.network, made.same["units"], recipe)
        tell("note", text=f"begins with the weights of {recipe.start}")
    found = probe(made.task, recipe, int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
    tell("probe", text=f"uses {found}", seconds=found.seconds, threads=found.threads, precision=found.precision)
    recipe = recipe.model_copy(update={"threads": found.threads, "precision": found.precision})
    if world.rank == 0:
        save_recipe(recipe, out / "recipe.yaml")
    loop = Loop(made.task, recipe, out, tell.pass_on)
    if resume:
        loop.resume()
        tell("note", text=f"goes on after step {loop.progress.step}")
    _run(loop, recipe)
    path = out / f"{name}.resonet"
    if world.rank == 0:
        tell("note", text="exports the network, tunes what decodes it, writes the bundle")
        made.write(loop, recipe, path, name)
        tell("bundle", path=str(path), text=f"wrote {path}", **loop.progress.last)
        page.write(out, name)
    return path


@dataclass
class Made:
    """A task; `same` is what must not change before a resumption; `write` makes the bundle."""

    task: Task
    same: dict[str, Any]
    write: Callable[[Loop, Recipe, Path, str], Path]


class Teller:
    """Writes events to the log and hands them to a listener; in other processes than the first it says nothing."""

    def __init__(self, folder: Path, listener: Listener | None, first: bool) -> None:
        self._folder, self._listener, self._first = folder, listener, first

    def __call__(self, kind: str, **values: Any) -> None:
        if not self._first:
            return
        log.add(self._folder, kind, values)
        if self._listener:
            self._listener(Event(kind, values))

    def pass_on(self, event: Event) -> None:
        """An event of the loop, which has logged it: on to the listener, and the curves are drawn anew."""
        if event.kind in ("validation", "end"):
            page.write(self._folder, self._folder.name)
        if self._listener:
            self._listener(event)


def check_folder(out: Path, resume: bool) -> None:
    """Raises UsageError where `out` is no folder for this run."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, where a folder is to be written")
    there = (out / "checkpoint.pt").is_file()
    if there and not resume:
        raise UsageError(f"{out} holds a training", f"go on with --resume {out}, or name another folder with -o")
    if resume and not there:
        raise UsageError(f"there is no training to resume in {out}", "it has no checkpoint.pt; start without --resume")
    if not resume and (out / "data.json").is_file():
        raise UsageError(f"{out} holds prepared data", "name another folder with -o")


def check_network(recipe: Recipe) -> None:
    """Raises UsageError for a family, preset or setting of the network that does not exist."""
    module = registry.family(recipe.family, "language" if recipe.task == "pronounce" else "recognizers")
    registry.configure(module, recipe.preset, recipe.network)


def check_device(recipe: Recipe) -> None:
    """Raises UsageError where PyTorch cannot compute on the recipe's device."""
    try:
        torch.empty(1, device=recipe.device)
    except (RuntimeError, AssertionError) as error:  # the latter where PyTorch was built without it
        reason = str(error).partition("\n")[0]
        raise UsageError(f"device {recipe.device} cannot be used: {reason}", "--set device=cpu") from error


def paced(recipe: Recipe) -> Recipe:
    """The recipe with validations and checkpoints as often as a short run by the clock needs them."""
    if recipe.time is None:
        return recipe
    most = recipe.time / _CHECKS
    return recipe.model_copy(
        update={
            "validate_every": min(recipe.validate_every, most),
            "checkpoint_every": min(recipe.checkpoint_every, most),
        }
    )


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Writes the recipe as YAML that `recipe.load` reads."""
    with replacing(path) as file:
        file.write(dumped(recipe).encode())


def dumped(recipe: Recipe) -> str:
    """The recipe as YAML, every setting named."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, default_flow_style=None)


def resumed(out: Path, settings: list[str]) -> tuple[Recipe, Path, str]:
    """The recipe (with settings over it), data and name of the run in `out`; raises UsageError, DataError."""
    check_folder(out, resume=True)
    record = _read_record(out)
    return recipes.load(str(out / "recipe.yaml"), settings), Path(record["source"]), record["name"]


def in_turn(world: World, work: Callable[[], Any]) -> Any:
    """Does the work in the first process, then in the others, which find on disk what the first one made."""
    if world.size == 1:
        return work()
    if world.rank:
        torch.distributed.barrier()
        return work()
    done = work()
    torch.distributed.barrier()
    return done


def _task(data: Path, recipe: Recipe, tell: Teller, progress: Progress | None) -> Made:
    if recipe.task == "pronounce":
        return _pronounce(data, recipe, tell)
    folder = load.resolve(data, language=recipe.language)
    train, dev = _splits(folder, tell)
    texts = [[normalise(u.text, recipe.language) for u in part] for part in (train, dev)]
    words = vocabulary.build(recipe, *texts)
    if words.read or words.unread:
        tell("note", text=_read_text(words), read=words.read, unread=words.unread)
    train, dev = _examined(folder, train, dev, recipe, words, tell)
    task = Recognize(recipe, train, dev, words.units, words.encode, _cache(recipe), progress)
    task.words = words.decoder(task.prior)
    _tell_size(task, folder, recipe, tell)

    def write(loop: Loop, recipe: Recipe, path: Path, name: str) -> Path:
        lm = Path(recipe.lm) if recipe.lm else None
        return finish.write_recognizer(
            task, loop, recipe, path, name=name, data=folder, lexicon=words.lexicon, lm=lm, g2p=words.g2p
        )

    record = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    return Made(task, {"data": record["sha256"], "units": list(words.units.symbols)}, write)


def _splits(folder: Path, tell: Teller) -> tuple[list[Utterance], list[Utterance]]:
    """Train and dev; where there is no dev, a part of train."""
    train = load.utterances(folder, "train")
    if "dev" in load.splits(folder):
        return train, load.utterances(folder, "dev")
    seconds = [(u.end or 0.0) - u.start for u in train]
    names = split.assign(train, seconds, parts=("dev",))
    dev = [u for u, name in zip(train, names, strict=True) if name == "dev"]
    if not dev:
        tell("note", text="the data has no dev split: error rates are those of training recordings, not of new ones")
        return train, train[:16]
    tell("note", text=f"the data has no dev split: {len(dev)} of its train utterances are held out for it")
    return [u for u, name in zip(train, names, strict=True) if name == "train"], dev


def _examined(
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
            tell("finding", text=_finding_text(finding), finding=finding.as_dict())
    train, dev = ([u for u in part if u.id not in findings.unusable] for part in (train, dev))
    if not usable(train):
        raise DataError("none of the training utterances can be used", f"run `resonet doctor {folder}`")
    if not usable(dev):
        tell("note", text="no dev utterance can be used: error rates are those of training recordings, not of new ones")
        dev = usable(train)[:16]
    return train, dev


def frame_shift(recipe: Recipe) -> float:
    """Seconds between the outputs of the recipe's network."""
    module = registry.family(recipe.family)
    network = module.Network(registry.configure(module, recipe.preset, recipe.network), 2)
    return network.stride / SAMPLE_RATE


def _pronounce(data: Path, recipe: Recipe, tell: Teller) -> Made:
    task = Pronounce(recipe, vocabulary.pronunciations(data))
    if not task.parts["train"]:
        raise DataError(f"{data} has no words to learn from", "give CMUdict text or lines of word<TAB>phones")
    counts = ", ".join(f"{len(words):,} {part}" for part, words in task.parts.items())
    tell("data", text=f"{data}: {counts} words; {_weights(task)}", hours=0.0)

    def write(loop: Loop, recipe: Recipe, path: Path, name: str) -> Path:
        return finish.write_g2p(task, loop, recipe, path, name=name)

    return Made(task, {"units": list(task.units.symbols), "words": sum(map(len, task.parts.values()))}, write)


def _tell_size(task: Recognize, folder: Path, recipe: Recipe, tell: Teller) -> None:
    for part, dropped in (("train", task.train.dropped), ("dev", task.dev.dropped)):
        if dropped:
            shown = "; ".join(f"{name}: {reason}" for name, reason in dropped[:_SHOWN])
            more = f"; and {len(dropped) - _SHOWN} more" if len(dropped) > _SHOWN else ""
            tell("note", text=f"{len(dropped)} {part} utterances are left out: {shown}{more}", dropped=dropped)
    hours = sum(task.waves.length(i) for i in range(len(task.waves))) / SAMPLE_RATE / 3600
    tell(
        "data",
        text=(
            f"{len(task.waves)} utterances to train on ({_duration(hours)}), {len(task.dev_waves)} to check with; "
            f"{len(task.units) - 1} {task.units.type}; {_weights(task)}"
        ),
        hours=hours,
        folder=str(folder),
        family=recipe.family,
        preset=recipe.preset,
    )


def _run(loop: Loop, recipe: Recipe) -> None:
    try:
        loop.run()
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error).lower():
            raise
        raise TrainError(
            f"the memory is full with batches of {recipe.batch_seconds:g} s of audio",
            f"--set batch_seconds={recipe.batch_seconds / 2:g} --set accumulate={2 * recipe.accumulate}",
        ) from error


def _record(out: Path, made: Made, data: Path, name: str, resume: bool) -> None:
    """Writes run.json; on a resumption compares with it."""
    if not resume:
        record = {"name": name, "source": str(data.resolve()), "same": made.same}
        with replacing(out / "run.json") as file:
            file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        return
    before = _read_record(out)["same"]
    for key, value in made.same.items():
        if before.get(key) != value:
            raise DataError(
                f"the {key} are not those that {out} was trained on so far", "restore them, or start a new training"
            )


def _read_record(out: Path) -> dict[str, Any]:
    try:
        record = json.loads((out / "run.json").read_text(encoding="utf-8"))
        return {"source": str(record["source"]), "name": str(record["name"]), "same": dict(record["same"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainError(f"{out / 'run.json'} is missing or damaged", "start without --resume") from error


def _cache(recipe: Recipe) -> Path:
    if recipe.cache:
        return Path(recipe.cache)
    import platformdirs

    return Path(platformdirs.user_cache_dir("resonet")) / "waveforms"


def _read_text(words: vocabulary.Vocabulary) -> str:
    parts = []
    if words.read:
        parts.append(f"{len(words.read)} words are read by the g2p bundle ({', '.join(words.read[:_SHOWN])} ...)")
    if words.unread:
        parts.append(f"{len(words.unread)} words have no pronunciation ({', '.join(words.unread[:_SHOWN])} ...)")
    return "; ".join(parts)


def _finding_text(finding: Finding) -> str:
    names = ", ".join(finding.names[:_SHOWN]) + (", ..." if finding.count > _SHOWN else "")
    return f"{finding.severity}: {finding.message}: {finding.count} ({names}); {finding.advice}"


def _weights(task: Any) -> str:
    weights = sum(parameter.numel() for parameter in task.network.parameters())
    return f"{task.recipe.family} {task.recipe.preset}, {weights / 1e6:.2f} million weights"


def _duration(hours: float) -> str:
    return f"{hours:.2f} h" if hours >= 0.1 else f"{hours * 60:.1f} min"
