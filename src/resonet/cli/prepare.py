"""`resonet prepare`: corpora in many layouts become cuts for train, dev and test."""

from __future__ import annotations

import json

import click


@click.command("prepare")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.argument("out", metavar="OUT")
@click.option(
    "--as",
    "as_",
    type=click.Choice(["auto", "train", "dev", "test"]),
    default="auto",
    show_default=True,
    help="Put everything into one split, and replace only this split of OUT.",
)
@click.option("--language", default="en", show_default=True, help="BCP 47 tag, where a source names none.")
@click.option("--seed", default=0, show_default=True, help="Of the automatic split.")
@click.option("--json", "as_json", is_flag=True, help="Print data.json as one line.")
def command(sources: tuple[str, ...], out: str, as_: str, language: str, seed: int, as_json: bool) -> None:
    """Read recordings and transcripts, and write OUT/{train,dev,test}.cuts.jsonl.gz and OUT/data.json.

    A SOURCE is a folder or a manifest: LibriSpeech, Kaldi, LJSpeech-style metadata.csv, Common Voice, a .txt beside
    each recording, CSV, TSV, JSONL or NeMo manifests, Lhotse manifests, or folders train, dev, test of these. A split
    of its own is kept; else about 90/5/5 by time, speaker-disjoint. Recordings are referenced, not copied.

    \b
    Example:
      resonet prepare samples/tiny OUT
      resonet prepare corpus/train other/train OUT --as train
    """
    from tqdm import tqdm

    from resonet.data.prepare import prepare

    def progress(items, total):  # type: ignore[no-untyped-def]
        return tqdm(items, total=total, unit=" recordings", desc="reading", disable=None, leave=False)

    prepared = prepare(sources, out, as_=as_, seed=seed, language=language, progress=progress)
    for item in prepared.skipped:
        click.echo(f"left out: {item.where}: {item.reason}", err=True)
    if as_json:
        click.echo(json.dumps(prepared.data, ensure_ascii=False))
    else:
        for name, split in prepared.data["splits"].items():
            click.echo(
                f"{name:5} {split['utterances']:7} utterances {split['hours']:8.2f} h {split['speakers']:6} speakers"
            )
    if prepared.skipped:
        click.get_current_context().exit(1)
