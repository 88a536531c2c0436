"""`resonet doctor`: examines this installation, or data."""

from __future__ import annotations

import json
import tempfile

import click


@click.command("doctor")
@click.argument("data", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with every name.")
@click.option("--page", metavar="FILE", type=click.Path(dir_okay=False), help="Write a page with plots as well.")
@click.option("--quick", is_flag=True, help="Read the headers of recordings alone, decode nothing.")
@click.option("--language", default="en", show_default=True, help="BCP 47 tag, where raw data names none.")
@click.option("--frame-shift", default=0.04, show_default=True, help="Seconds between the frames that CTC aligns.")
@click.option(
    "--task",
    type=click.Choice(["recognize", "classify", "synthesize"]),
    help="What the data is for; without it, texts that are a few short labels are taken for clips to classify, all "
    "others for speech to recognize.",
)
def command(
    data: str | None,
    as_json: bool,
    page: str | None,
    quick: bool,
    language: str,
    frame_shift: float,
    task: str | None,
) -> None:
    """Examine DATA (what `resonet prepare` wrote, or any raw source); without DATA, this installation.

    Leaves with 1 where something must be repaired.

    \b
    Example:
      resonet doctor
      resonet doctor samples/tiny --page doctor.html
      resonet doctor words/ --task classify
      resonet doctor recordings/ --task synthesize
    """
    if data is None:
        if page or quick or task:
            raise click.UsageError("--page, --quick and --task need DATA")
        _installation(as_json)
    elif frame_shift <= 0:
        raise click.UsageError("--frame-shift must be above 0")
    else:
        _data(data, as_json, page, quick, language, frame_shift, task)


def _installation(as_json: bool) -> None:
    from resonet.data import installation

    checks = installation.examine()
    bad = any(check.status == "problem" for check in checks)
    if as_json:
        click.echo(json.dumps({"checks": [check.as_dict() for check in checks]}, ensure_ascii=False))
    else:
        click.echo(installation.as_text(checks))
    if bad:
        click.get_current_context().exit(1)


def _data(
    data: str, as_json: bool, page: str | None, quick: bool, language: str, frame_shift: float, task: str | None
) -> None:
    from tqdm import tqdm

    from resonet.bundle import replacing
    from resonet.data import doctor, doctor_voice, load, split
    from resonet.data.prepare import WORDS, read_data

    def progress(items, total):  # type: ignore[no-untyped-def]
        return tqdm(items, total=total, unit=" utterances", desc="examining", disable=None, leave=False)

    with tempfile.TemporaryDirectory(prefix="resonet-doctor-") as folder:
        out = load.resolve(data, cache=folder, language=language)
        utterances = {name: load.utterances(out, name) for name in load.splits(out)}
        skipped = load.skipped(out)
        layouts = {source["layout"] for item in read_data(out)["splits"].values() for source in item["sources"]}
    labelled = task == "classify"
    if task is None:
        texts = [u.text for items in utterances.values() for u in items]
        labelled = layouts == {WORDS} or split.labelled(texts)
    reader = None
    if task == "synthesize":
        reader = doctor_voice.reader([u for items in utterances.values() for u in items], language)
    findings = doctor.examine(
        utterances,
        frame_shift=frame_shift,
        quick=quick,
        skipped=skipped,
        progress=progress,
        labelled=labelled,
        voice=reader,
    )
    # First what took so long to find, then the page, which may meet a full disk.
    click.echo(json.dumps(findings.as_dict(), ensure_ascii=False) if as_json else findings.as_text())
    if page:
        from resonet.data.doctor_page import page as make_page

        with replacing(page) as stream:
            stream.write(make_page(findings, data).encode("utf-8", "replace"))  # a file name need not be valid UTF-8
    if findings.errors:
        click.get_current_context().exit(1)
