"""`resonet train`: from recordings with texts to a bundle."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from resonet.train.display import Display
    from resonet.train.recipe import Recipe


# What is taken for a task where no recipe is named; for recognition one is picked by the hours of speech.
_RECIPES = {
    "pronounce": "pronounce",
    "embed": "words",
    "identify": "speakers",
    "synthesize": "voice",
    "vocode": "vocoder",
}
# Phrases that a run is named after, where there are no data.
_NAMED = 3


@click.command("train")
@click.option("--data", metavar="DATA", type=click.Path(), help="What `resonet prepare` wrote, or any raw source.")
@click.option("--recipe", metavar="NAME|FILE", help="By default one is picked by the hours of speech and this machine.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting over the recipe's; repeatable.")
@click.option(
    "--task",
    type=click.Choice(["recognize", "pronounce", "classify", "embed", "identify", "synthesize", "vocode"]),
    help="What to learn.  [default: recognize]",
)
@click.option("--clips", metavar="FOLDER", type=click.Path(), help="Synthetic clips to train on besides (classify).")
@click.option(
    "--phrases", metavar="PHRASES|FILE", help="Clips of these are spoken by voices and trained on, besides or alone."
)
@click.option(
    "--voice", "voices", multiple=True, metavar="BUNDLE", help="Voice for --phrases; repeatable.  [default: all]"
)
@click.option(
    "--count", metavar="N", type=click.IntRange(1, 99_999), help="Clips of each of the --phrases.  [default: 200]"
)
@click.option("-o", "--output", metavar="OUT", type=click.Path(), help="Folder of the run.  [default: runs/NAME]")
@click.option("--name", help="Name of the bundle.  [default: that of OUT or DATA]")
@click.option(
    "--resume", is_flag=False, flag_value="", metavar="[OUT]", help="Go on with a run from its last checkpoint."
)
@click.option("--dry-run", is_flag=True, help="Print the recipe with every setting, and train nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    data: str | None,
    recipe: str | None,
    settings: tuple[str, ...],
    task: str | None,
    clips: str | None,
    phrases: str | None,
    voices: tuple[str, ...],
    count: int | None,
    output: str | None,
    name: str | None,
    resume: str | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a network on DATA and write a bundle, OUT/NAME.resonet.

    Recipes: minutes, half-hour, one-hour, five-hours, twenty-hours, hundred-hours (of speech), commands (for clips
    of single words), words (for an embedder of words), speakers (for one of voices and languages), pronounce (for a
    pronouncing dictionary), voice (for a voice, from its recordings with texts), vocoder (for the part of a voice
    that makes sound, from any recordings), adapt (of the verb `resonet adapt`), or a YAML file; `--dry-run` shows
    all settings. OUT gets the log (log.jsonl), curves (progress.html), the resolved recipe and a checkpoint every
    minute or two: Ctrl-C loses nothing, a crash no more than came after the checkpoint.

    \b
    Examples:
      resonet train --data samples/tiny --set time=3m
      resonet train --data DATA --recipe five-hours --set optimiser.rate=1e-3 -o runs/mine
      resonet train --resume runs/mine
      resonet train --task classify --data FOLDER_OF_FOLDERS --set clips.negatives=SPEECH
      resonet train --task classify --phrases "lights on,lights off" --set clips.negatives=SPEECH
      resonet train --task pronounce --data cmudict.dict -o runs/g2p
      resonet train --task identify --data SPEECH_OF_MANY_PEOPLE -o runs/speakers
      torchrun --no-python --nproc-per-node 2 resonet train --data DATA --recipe FILE -o runs/mine
    """
    from resonet.train import run

    if clips:
        settings = (*settings, f"clips.synthetic={clips}")
    spoken = _spoken(phrases, voices, count, task, resume)
    if spoken:
        settings, task = (*settings, *_phrase_settings(spoken, voices, count)), "classify"
    chosen, source, out, name = _resolve(data, spoken, recipe, list(settings), task, output, name, resume)
    if dry_run:
        run.check_network(chosen)
        click.echo(run.dumped(run.paced(chosen)), nl=False)
        return
    _train(chosen, source, out, name, resume is not None, as_json, quiet)


def _spoken(
    phrases: str | None, voices: tuple[str, ...], count: int | None, task: str | None, resume: str | None
) -> list[str]:
    """The phrases that voices are to speak; none where none are asked for."""
    if phrases is None:
        if voices or count is not None:
            raise click.UsageError(f"{'--voice' if voices else '--count'} goes with --phrases")
        return []
    if task not in (None, "classify"):
        raise click.UsageError(f"--phrases are classified, and --task {task} is another task")
    if resume is not None:
        raise click.UsageError("a resumed run has its phrases: leave --phrases out")
    from resonet.runtime.phrases import checked, read

    return checked(read(phrases))


def _phrase_settings(phrases: list[str], voices: tuple[str, ...], count: int | None) -> list[str]:
    """The same as settings of a recipe; JSON is YAML too."""
    lists = {"phrases": phrases, "voices": list(voices)}
    settings = [f"clips.{key}={json.dumps(value, ensure_ascii=False)}" for key, value in lists.items() if value]
    return settings if count is None else [*settings, f"clips.count={count}"]


def _resolve(
    data: str | None,
    phrases: list[str],
    recipe: str | None,
    settings: list[str],
    task: str | None,
    output: str | None,
    name: str | None,
    resume: str | None,
) -> tuple[Recipe, Path, Path, str]:
    """Recipe, data, folder and name of the run."""
    from resonet.bundle import name_from
    from resonet.train import recipe as recipes
    from resonet.train import run, spoken_phrases

    if resume is not None:
        folder = resume or output or (str(_folder(data)) if data else "")
        if not folder:
            raise click.UsageError("which run? name its folder: --resume OUT")
        if recipe:
            raise click.UsageError("a resumed run has its recipe; --set changes single settings")
        chosen, source, old_name = run.resumed(Path(folder), settings)
        return chosen, Path(data) if data else source, Path(folder), name or old_name
    if not data and not phrases:
        raise click.UsageError("--data is needed: what `resonet prepare` wrote, or a folder of recordings with texts")
    title = data or "-".join(phrases[:_NAMED])
    out = Path(output) if output else _folder(title)
    run.check_folder(out, resume=False)
    source = Path(data) if data else out / spoken_phrases.FOLDER
    if task:
        settings = [f"task={task}", *settings]
    if task == "classify" and not recipe:
        chosen = _begun(settings, spoken=not data or spoken_phrases.record_in(source) is not None)
    elif recipe or task in _RECIPES:
        chosen = recipes.load(recipe or _RECIPES[task or ""], settings)
    else:
        chosen, source = _picked(source, settings)
    return chosen, source, out, name_from(name or (out.name if output else _title(title)))


def _begun(settings: list[str], spoken: bool) -> Recipe:
    """The recipe for words, which begins with what is installed unless a setting names network or start; says so."""
    from resonet.train import choose
    from resonet.train import recipe as recipes

    own = {setting.partition("=")[0].partition(".")[0] for setting in settings}
    if own & {"family", "preset", "start", "network"}:
        return recipes.load("commands", settings)
    choice = choose.beginning(spoken)
    if _is_first():
        click.echo(choice.why, err=True)
    return recipes.load(choice.recipe, [*choice.settings, *settings])


def _folder(data: str) -> Path:
    """Where a run goes that nobody named a folder for: runs/NAME, beside the data where that is its own place."""
    from resonet.bundle import name_from

    out = Path("runs") / name_from(_title(data))
    return out.with_name(f"{out.name}-trained") if (out / "data.json").is_file() else out


def _title(data: str) -> str:
    place = Path(data).resolve()
    return place.name if place.is_dir() else place.stem


def _picked(data: Path, settings: list[str]) -> tuple[Recipe, Path]:
    """A recipe for the data, which is prepared for it; says which and why."""
    from resonet.data import load
    from resonet.data.prepare import read_data
    from resonet.train import choose
    from resonet.train import recipe as recipes

    # A mistyped setting is told before recordings are read.
    language = recipes.load(choose.LARGEST, settings).language
    folder = load.resolve(data, language=language)
    hours = read_data(folder)["splits"].get("train", {}).get("hours", 0.0)
    choice = choose.choose(hours, choose.machine())
    if _is_first():
        click.echo(choice.why, err=True)
    return recipes.load(choice.recipe, [*choice.settings, *settings]), folder


def _train(recipe: Recipe, data: Path, out: Path, name: str, resume: bool, as_json: bool, quiet: bool) -> None:
    from resonet.train import run, spoken_phrases
    from resonet.train.display import display

    shown = display(quiet or not _is_first())
    try:
        with shown:
            path = run.train(
                data, recipe, out, name=name, resume=resume, listener=shown, progress=None if quiet else decoding()
            )
    except KeyboardInterrupt:
        if _is_first() and run.holds_training(out):
            click.echo(f"stopped; go on with: resonet train --resume {out}", err=True)
        elif _is_first() and recipe.clips.phrases and (out / spoken_phrases.FOLDER).is_dir():
            click.echo("stopped; the same command goes on with the clips", err=True)
        raise
    if _is_first():
        if recipe.task == "classify":
            _report(path, out)
        _print_result(path, out, shown, as_json)


def _report(bundle: Path, out: Path) -> None:
    """report.html: the bundle on the dev clips, who was taken for whom, words, misses against false alarms."""
    from resonet.evaluate import commands, commands_report, references
    from resonet.runtime import Spotter

    if not (out / "dev" / "transcripts.tsv").is_file():
        return
    clips = references.read(out / "dev")
    result = commands.score(Spotter.load(bundle, threads=1), clips, name=bundle.stem, data=str(out / "dev"))
    commands_report.write(out / "report.html", [result])


def _print_result(path: Path, out: Path, shown: Display, as_json: bool) -> None:
    from resonet.train.display import rates_text, time_text

    elapsed = float(shown.values.get("elapsed", 0.0))
    if as_json:
        result = {"bundle": str(path), **shown.last, "elapsed": elapsed, "log": str(out / "log.jsonl")}
        pages = {"curves": out / "progress.html", "report": out / "report.html"}
        result |= {name: str(page) for name, page in pages.items() if page.is_file()}
        click.echo(json.dumps(result, ensure_ascii=False))
        return
    click.echo(path)
    figures = [f"{rates_text(shown.last)} on dev"] if shown.last else []
    figures += [f"{time_text(elapsed)} of training", f"{path.stat().st_size / 1e6:.1f} MB"]
    figures.append(f"curves: {out / 'progress.html'}")
    if (out / "report.html").is_file():
        figures.append(f"report: {out / 'report.html'}")
    click.echo("; ".join(figures), err=True)


def decoding() -> Callable[[Iterable[Any], int], Iterable[Any]]:
    from tqdm import tqdm

    def progress(items: Iterable[Any], total: int) -> Iterable[Any]:
        return tqdm(items, total=total, unit=" recordings", desc="decoding", disable=None, leave=False)

    return progress


def _is_first() -> bool:
    """Whether this is the process that speaks, of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"
