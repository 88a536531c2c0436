"""A whole training: data and recipe in, a bundle out. Everything else in this room is one of its parts.

In the output folder: `recipe.yaml` (resolved), `run.json` (what a resumption must find the same), `log.jsonl` (one
event a line), `progress.html` (curves), `checkpoint.pt`, `bad/`, and at the end the bundle.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml

from resonet.bundle import read_manifest, replacing
from resonet.errors import DataError, TrainError, UsageError
from resonet.models import registry
from resonet.train import adapt, assemble, assemble_commands, assemble_identity, log, page, start, voice
from resonet.train import recipe as recipes
from resonet.train.closed_form import ClosedForm
from resonet.train.loop import Listener, Loop, World
from resonet.train.made import Made, Progress, Teller
from resonet.train.probe import probe
from resonet.train.recipe import FAMILIES, Recipe
from resonet.train.tasks.classify import Classify

# Validations and checkpoints in a run by the clock: at least so many.
_CHECKS = 6

_ASSEMBLIES: dict[str, Callable[[Path, Recipe, Teller, Progress | None], Made]] = {
    "recognize": assemble.recognition,
    "pronounce": assemble.pronunciation,
    "classify": assemble_commands.classification,
    "embed": assemble_commands.embedding,
    "identify": assemble_identity.identification,
    "vocode": voice.vocoding,
}


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
    if recipe.task != "adapt":  # whose network is that of the voice it begins with
        check_network(recipe)
    recipe = paced(recipe)
    torch.set_flush_denormal(True)  # tiny activations would cost ten times as much
    world = World()
    check_device(recipe)
    out.mkdir(parents=True, exist_ok=True)
    if not resume and world.rank == 0:
        (out / log.NAME).unlink(missing_ok=True)  # of a run that ended before its first checkpoint
    tell = Teller(out, listener, world.rank == 0)
    if recipe.task in ("synthesize", "adapt"):
        return _voice(Path(data), recipe, out, name, resume, tell, listener, progress)
    made = in_turn(world, lambda: _ASSEMBLIES[recipe.task](Path(data), recipe, tell, progress))
    if world.rank == 0:
        record(out, made.same, Path(data), name, resume)
    if recipe.start and not resume:
        begun = start.begin(made.task.network, made.same["units"], recipe)
        tell("note", text=begun.text)
        if begun.whole:  # evenly spread labels would undo what it knows
            recipe = recipe.model_copy(update={"loss": recipe.loss.model_copy(update={"flat_start": 0.0})})
            made.task.recipe = recipe
    if made.task.network.fit == "closed_form":
        return _closed_form(made, recipe, out, name, tell)
    found = probe(made.task, recipe, int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
    tell("probe", text=f"uses {found}", seconds=found.seconds, threads=found.threads, precision=found.precision)
    recipe = recipe.model_copy(update={"threads": found.threads, "precision": found.precision})
    if world.rank == 0:
        save_recipe(recipe, out / "recipe.yaml")
    return _looped(made, recipe, out, name, resume, tell)


def _looped(made: Made, recipe: Recipe, out: Path, name: str, resume: bool, tell: Teller) -> Path:
    """Runs the loop to its end and writes the bundle, in process 0."""
    loop = Loop(made.task, recipe, out, tell.pass_on)
    if resume:
        loop.resume()
        tell("note", text=f"goes on after step {loop.progress.step}")
    _run(loop, recipe)
    path = out / f"{name}.resonet"
    if not loop.world.rank:
        tell("note", text="exports the network, tunes what decodes it, writes the bundle")
        path = made.write(loop, recipe, path, name)
        _ended(path, out, name, tell)
    return path


def _voice(
    data: Path,
    recipe: Recipe,
    out: Path,
    name: str,
    resume: bool,
    tell: Teller,
    listener: Listener | None,
    progress: Progress | None,
) -> Path:
    """The same for voices, which are several trainings, each with a folder in `out`."""
    if World().size > 1:
        raise UsageError("a voice is trained by one process", "start it without torchrun")
    kind = adapt.AdaptRun if recipe.task == "adapt" else voice.VoiceRun
    run = kind(data, recipe, out, name, tell, listener, progress, paced, save_recipe)
    record(out, run.same, data, name, resume)
    save_recipe(run.recipe, out / "recipe.yaml")
    path = run.finish()
    _ended(path, out, name, tell)
    return path


def _closed_form(made: Made, recipe: Recipe, out: Path, name: str, tell: Teller) -> Path:
    """The same for families that are computed from all examples at once; there is nothing to resume."""
    save_recipe(recipe, out / "recipe.yaml")
    assert isinstance(made.task, Classify)
    run = ClosedForm(made.task, recipe, out, tell.pass_on)
    run.run()
    path = out / f"{name}.resonet"
    made.write(run, recipe, path, name)
    _ended(path, out, name, tell)
    return path


def _ended(path: Path, out: Path, name: str, tell: Teller) -> None:
    """Tells of the bundle with its own figures on dev, which are after tuning, and writes the page of the run."""
    figures = {metric.name: metric.value for metric in read_manifest(path).metrics if metric.set == "dev"}
    tell("bundle", path=str(path), text=f"wrote {path}", **figures)
    page.write(out, name)


def check_folder(out: Path, resume: bool) -> None:
    """Raises UsageError where `out` is no folder for this run."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, where a folder is to be written")
    there = holds_training(out)
    if there and not resume:
        raise UsageError(f"{out} holds a training", f"go on with --resume {out}, or name another folder with -o")
    if resume and not there:
        raise UsageError(f"there is no training to resume in {out}", "it has no checkpoint.pt; start without --resume")
    if not resume and (out / "data.json").is_file():
        raise UsageError(f"{out} holds prepared data", "name another folder with -o")


def holds_training(out: Path) -> bool:
    """Whether a training in this folder can be resumed."""
    return (out / "checkpoint.pt").is_file() or voice.holds_voice(out)


def check_network(recipe: Recipe) -> None:
    """Raises UsageError for a family, preset or setting of the network that does not exist."""
    module = registry.family(recipe.family, FAMILIES[recipe.task])
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
    began = _read_record(out)
    return recipes.load(str(out / "recipe.yaml"), settings), Path(began["source"]), began["name"]


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


def record(out: Path, same: dict[str, Any], data: Path, name: str, resume: bool) -> None:
    """Writes run.json; on a resumption compares with it."""
    if not resume:
        content = {"name": name, "source": str(data.resolve()), "same": same}
        with replacing(out / "run.json") as file:
            file.write(json.dumps(content, ensure_ascii=False).encode() + b"\n")
        return
    before = _read_record(out)["same"]
    for key, value in same.items():
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
