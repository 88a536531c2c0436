"""`resonet lm`: word n-gram language models, trained from text, looked at, converted, measured."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonet.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resonet.decoding.ngram import Backoff

_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(|k|m|g|ki|mi|gi)b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_COMMENTS = (";;;", "#")
_VARIANT = re.compile(r"\(\d+\)$")


class Size(click.ParamType):
    """A number of bytes: `15MB`, `800kB`, `15000000`."""

    name = "SIZE"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no size such as 15MB", parameter, context)
        return int(float(match[1]) * _UNITS[match[2].lower()])


class CutOffs(click.ParamType):
    """Whole numbers with commas: `0,0,1`."""

    name = "N,N,..."

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in re.split(r"[,\s]+", value.strip()))
        except ValueError:
            self.fail(f"{value!r} are no numbers such as 0,0,1", parameter, context)


def _pruning(function: Callable[..., None]) -> Callable[..., None]:
    """The options that make a model smaller, of `train` and `convert`."""
    for option in (
        click.option("--size", type=Size(), help="Prune until the compact form takes at most this, such as 15MB."),
        click.option(
            "--prune", "threshold", type=float, default=0.0, metavar="ENTROPY", help="Prune below this (1e-8 is mild)."
        ),
    ):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Make and look at word n-gram language models.

    MODEL is a compact model (the member lm.bin of a bundle), a bundle, or an ARPA file, plain or compressed.
    """


@command.command()
@click.argument("texts", metavar="TEXT[:WEIGHT]...", nargs=-1, required=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The model.")
@click.option("--order", type=click.IntRange(1, 5), default=3, show_default=True, help="The longest n-gram.")
@click.option(
    "--vocabulary",
    default="65533",
    show_default=True,
    metavar="N|FILE",
    help="The most frequent N words, or the words of a file (the first word of each line).",
)
@click.option(
    "--keep",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Words that, as far as they are in the text, come before more frequent ones: a word list, a pronunciation "
    "lexicon, or a .tsv with transcripts.",
)
@click.option(
    "--cutoffs",
    type=CutOffs(),
    default="0",
    show_default=True,
    help="For 1-, 2-, 3-grams and so on: leave out those seen this often or less (the last holds for longer ones).",
)
@_pruning
@click.option("--language", default="en", show_default=True, help="Of the text; decides how it is normalised.")
def train(
    texts: tuple[str, ...],
    output: Path,
    order: int,
    vocabulary: str,
    keep: tuple[Path, ...],
    cutoffs: tuple[int, ...],
    threshold: float,
    size: int | None,
    language: str,
) -> None:
    """Train a model from text (interpolated modified Kneser-Ney).

    A TEXT holds a sentence or a paragraph a line, plain or compressed (.gz, .xz, .bz2); of a .tsv the column `text` is
    taken. WEIGHT is how often each of its sentences counts. Sentences with digits are left out: how they are read
    aloud is not known. OUTPUT ends in .arpa (.arpa.gz, ...), or gets the compact form.

    \b
    Example:
      resonet lm train books.txt.xz dialogues.txt:3 -o lm.bin --size 15MB
      resonet lm train *.txt.gz -o lm.arpa.gz --order 4 --cutoffs 0,0,1 --vocabulary 50000
    """
    from resonet.decoding import ngram

    words = int(vocabulary) if vocabulary.isdecimal() else _words_of(Path(vocabulary), language)
    if words == 0:
        raise click.BadParameter("at least one word is needed", param_hint="--vocabulary")
    kept = [word for path in keep for word in _words_of(path, language)]
    with _progress() as advance:
        model = ngram.train(
            [ngram.Source.parse(text) for text in texts],
            order=order,
            vocabulary=words,
            keep=kept,
            cutoffs=cutoffs,
            threshold=threshold,
            size=size,
            language=language,
            progress=advance,
        )
    _write(model, output)


@command.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="JSON.")
def info(model: Path, as_json: bool) -> None:
    """Show what a model holds.

    \b
    Example:
      resonet lm info lm.bin
    """
    from resonet.decoding import ngram

    opened = ngram.read(model)
    size = model.stat().st_size
    if as_json:
        told = {"file": str(model), "order": len(opened.counts), "ngrams": opened.counts, "bytes": size}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(f"{model}: order {len(opened.counts)}, {size / 1e6:.1f} MB")
    for k, n in enumerate(opened.counts, 1):
        click.echo(f"  {k}-grams {n:>12,}")


@command.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The new file.")
@_pruning
def convert(model: Path, output: Path, threshold: float, size: int | None) -> None:
    """Convert a model to ARPA or to the compact form, by the suffix of OUTPUT; pruned on the way if asked.

    \b
    Example:
      resonet lm convert lm.arpa.gz -o lm.bin --size 8MB
    """
    from resonet.decoding import ngram

    _write(ngram.prune(ngram.exchange(ngram.read(model)), threshold, size), output)


@command.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--language", default="en", show_default=True, help="Of the text; decides how it is normalised.")
@click.option("--json", "as_json", is_flag=True, help="JSON, an object a text.")
def perplexity(model: Path, texts: tuple[Path, ...], language: str, as_json: bool) -> None:
    """Measure how well a model foresees text: the lower the perplexity, the better.

    Counted are the words that the model knows and the ends of sentences; the others are reported beside it.

    \b
    Example:
      resonet lm perplexity lm.bin dev/transcripts.tsv
    """
    from resonet.decoding import ngram

    opened = ngram.load(model)
    for text in texts:
        found = opened.perplexity(ngram.sentences(text, language))
        if not found.words:
            raise DataError(f"There are no words in {text}")
        rate = found.unknown / found.words
        if as_json:
            told = {
                "file": str(text),
                "perplexity": round(found.perplexity, 3),
                "sentences": found.sentences,
                "words": found.words,
                "unknown": found.unknown,
                "log_prob": round(found.log_prob, 3),
            }
            click.echo(json.dumps(told, ensure_ascii=False))
        else:
            click.echo(
                f"{text}: perplexity {found.perplexity:.1f}, {found.words:,} words in {found.sentences:,} sentences, "
                f"{found.unknown:,} ({100 * rate:.2f} %) not in the vocabulary"
            )


def _words_of(path: Path, language: str) -> list[str]:
    """The words of a list or a pronunciation lexicon (the first of each line), or of the texts of a .tsv."""
    from resonet.decoding.ngram.text import lines, sentences
    from resonet.text.normalise import normalise

    if path.suffix.lower() == ".tsv":
        return list(dict.fromkeys(word for sentence in sentences(path, language) for word in sentence))
    words = (line.split()[0] for line in lines(path) if line.strip() and not line.startswith(_COMMENTS))
    # CMUdict numbers further pronunciations: word(2).
    normal = (normalise(_VARIANT.sub("", word), language) for word in words)
    return list(dict.fromkeys(word for word in normal if word and " " not in word))


@contextmanager
def _progress() -> Iterator[Callable[[int], object] | None]:
    """A bar of the words read, on stderr, if somebody watches."""
    from tqdm import tqdm

    with tqdm(desc="reading", unit=" words", unit_scale=True, disable=None, leave=False, mininterval=0.5) as bar:
        yield bar.update


def _write(model: Backoff, output: Path) -> None:
    from resonet.decoding import ngram

    size = ngram.write(model, output)
    counts = ", ".join(f"{n:,} {k}-grams" for k, n in enumerate(model.counts, 1))
    click.echo(f"{output}: {counts}; {size / 1e6:.1f} MB", err=True)
