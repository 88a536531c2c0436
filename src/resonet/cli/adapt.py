"""`resonet adapt`: a trained voice learns a speaker more, from minutes of recordings and with consent."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from resonet.train.display import Display
    from resonet.train.recipe import Recipe

_ASKED = (
    "A voice can be made to say what its speaker never said. Whose voice is it, and what did this person agree to?\n"
    "What you answer stands in the bundle and in its card, with today's date."
)


@click.command("adapt")
@click.option("--voice", metavar="VOICE", help="To begin with: name or path of a bundle, or a training's folder.")
@click.option("--data", metavar="DATA", type=click.Path(), help="Recordings of one person with their texts.")
@click.option("--speaker", metavar="NAME", help="What the new speaker is called.")
@click.option("--consent", metavar="TEXT", help="What this person agreed to.  [default: asked for on a terminal]")
@click.option("--consent-by", metavar="WHO", help="Who gave the consent.  [default: NAME]")
@click.option("--licence", metavar="SPDX", help="Licence of the recordings.  [default: what DATA names]")
@click.option("--reader", metavar="NAME", help="Of several speakers in DATA, the one to learn.")
@click.option("--language", metavar="TAG", help="What is spoken, where the voice has several languages.")
@click.option("--time", "seconds", metavar="TIME", help="For all that is trained, as 300s or 10m.  [default: 10m]")
@click.option("--only", is_flag=True, help="Leave the voice's other speakers out of the new bundle.")
@click.option("--rows-only", is_flag=True, help="Train nothing that the others share: they sound exactly as before.")
@click.option("--vocoder", is_flag=True, help="Train the vocoder a little too.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting over the recipe's; repeatable.")
@click.option("-o", "--output", metavar="OUT", type=click.Path(), help="Folder of the run.  [default: runs/NAME]")
@click.option("--name", help="Name of the bundle.  [default: that of OUT, or VOICE-NAME]")
@click.option("--resume", is_flag=False, flag_value="", metavar="[OUT]", help="Go on with a run where it was stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    voice: str | None,
    data: str | None,
    speaker: str | None,
    consent: str | None,
    consent_by: str | None,
    licence: str | None,
    reader: str | None,
    language: str | None,
    seconds: str | None,
    only: bool,
    rows_only: bool,
    vocoder: bool,
    settings: tuple[str, ...],
    output: str | None,
    name: str | None,
    resume: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Give a trained VOICE one more speaker, from about five minutes of recordings with texts.

    The person who spoke must have agreed: without a statement of consent nothing is trained, and it is written into the
    bundle, OUT/NAME.resonet. That speaks with the speakers of VOICE and the new one. OUT also gets the log, curves with
    samples to listen to (progress.html in the folder of each stage) and checkpoints: Ctrl-C loses nothing.

    \b
    Examples:
      resonet adapt --voice en-multi --data my-recordings --speaker anna
      resonet adapt --voice en-multi --data DATA --speaker anna --licence LicenseRef-private \\
        --consent "I, Anna Example, agree that my family reads me aloud with this voice."
      resonet adapt --resume runs/en-multi-anna
      resonet speak "Hello." --voice runs/en-multi-anna/en-multi-anna.resonet --speaker anna
    """
    from resonet.train import run

    given = {
        "adapt.speaker": speaker, "adapt.licence": licence, "adapt.reader": reader, "language": language,
        "time": seconds, "adapt.only": only or None, "adapt.end": False if rows_only else None,
        "adapt.vocoder": vocoder or None,
    }  # fmt: skip
    own = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in given.items() if value is not None]
    if resume is not None:
        folder = Path(resume or output or "")
        if not (resume or output):
            raise click.UsageError("which run? name its folder: --resume OUT")
        if voice or speaker or consent:
            raise click.UsageError("a resumed run has its voice, speaker and consent; --set changes single settings")
        recipe, source, old_name = run.resumed(folder, [*own, *settings])
        source, out, name = Path(data) if data else source, folder, name or old_name
    else:
        recipe, out, name = _begun(voice, data, consent, consent_by, [*own, *settings], output, name)
        source = Path(data or "")
    _train(recipe, source, out, name, resume is not None, as_json, quiet)


def _begun(
    voice: str | None,
    data: str | None,
    consent: str | None,
    consent_by: str | None,
    settings: list[str],
    output: str | None,
    name: str | None,
) -> tuple[Recipe, Path, str]:
    """Recipe, folder and name of a new run; asks for consent where a person can answer."""
    from datetime import date

    from resonet.bundle import name_from
    from resonet.train import adapt, run
    from resonet.train import recipe as recipes

    if not voice:
        raise click.UsageError("--voice is needed: the voice to begin with; `resonet speak --list` shows what there is")
    if not data:
        raise click.UsageError("--data is needed: about five minutes of recordings of one person, with their texts")
    recipe = recipes.load("adapt", settings)
    if not (speaker := recipe.adapt.speaker):
        raise click.UsageError("--speaker is needed: what the new speaker is called")
    # A stem would take the `b` of voice-a.b for a suffix.
    title = Path(voice).resolve().name if Path(voice).is_dir() else Path(voice).name.removesuffix(".resonet")
    name = name_from(name or (Path(output).name if output else f"{title}-{speaker}"))
    out = Path(output) if output else Path("runs") / name
    run.check_folder(out, resume=False)
    if consent is None and sys.stdin.isatty():
        click.echo(_ASKED, err=True)
        consent_by = consent_by or click.prompt("Given by", default=speaker, err=True)
        consent = click.prompt("Statement", err=True)
    stated = {"consent": consent or "", "consent_by": consent_by or speaker, "consent_date": date.today().isoformat()}
    recipe = recipe.model_copy(update={"start": voice, "adapt": recipe.adapt.model_copy(update=stated)})
    adapt.check_consent(recipe)
    return recipe, out, name


def _train(recipe: Recipe, data: Path, out: Path, name: str, resume: bool, as_json: bool, quiet: bool) -> None:
    from resonet.cli.train import decoding
    from resonet.train import run
    from resonet.train.display import display

    started = time.monotonic()
    shown = display(quiet)
    try:
        with shown:
            path = run.train(
                data, recipe, out, name=name, resume=resume, listener=shown, progress=None if quiet else decoding()
            )
    except KeyboardInterrupt:
        if run.holds_training(out):
            click.echo(f"stopped; go on with: resonet adapt --resume {out}", err=True)
        raise
    _print_result(path, out, recipe.adapt.speaker, shown, time.monotonic() - started, as_json)


def _print_result(path: Path, out: Path, speaker: str, shown: Display, elapsed: float, as_json: bool) -> None:
    from resonet.train.display import rates_text, time_text

    if as_json:
        result = {
            "bundle": str(path), "speaker": speaker, **shown.last, "elapsed": round(elapsed, 1),
            "log": str(out / "log.jsonl"),
        }  # fmt: skip
        click.echo(json.dumps(result, ensure_ascii=False))
        return
    click.echo(path)
    figures = [f"{rates_text(shown.last)} on dev"] if shown.last else []
    figures += [time_text(elapsed), f"{path.stat().st_size / 1e6:.1f} MB"]
    click.echo(f"{'; '.join(figures)}; samples: {out / 'progress.html'}", err=True)
    click.echo(f'  resonet speak --voice {path} --speaker {shlex.quote(speaker)} "..."', err=True)
