"""`resonet identify`: in which language people speak in recordings, and who they are (docs/formats.md)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonet.cli import _options
from resonet.cli._recordings import Recording, gather, under_its_name
from resonet.cli._results import Failures, as_field, check_output, json_line, write_each
from resonet.errors import BundleError, ResonetError, SearchIndexError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from resonet.runtime.identity import Heard, Identity
    from resonet.runtime.known_voices import Alike

Who = Callable[["NDArray[np.float32]"], "list[Alike]"]


@click.command()
@click.argument("recordings", nargs=-1, metavar="[RECORDING|FOLDER|-]...")
@click.option("--bundle", metavar="BUNDLE", help="Embedder: an installed bundle's name, or a path.")
@click.option("--speakers", metavar="FOLDER", help="Who is known: a folder with a folder of recordings a speaker.")
@click.option("--index", metavar="DIR", help="Who is known: the speakers of an index (resonet index).")
@click.option("--limit", type=click.IntRange(1), default=3, show_default=True, help="Speakers to name.")
@click.option("--json", "as_json", is_flag=True, help="An object a line.")
@_options.output
@_options.rate
@_options.threads
def command(
    recordings: tuple[str, ...],
    bundle: str | None,
    speakers: str | None,
    index: str | None,
    limit: int,
    as_json: bool,
    output: str | None,
    rate: int | None,
    threads: int | None,
) -> None:
    """Tell the language of recordings, and who speaks.

    A line a recording: the language and its probability, after the file where there are several. With --speakers or
    --index follow the known speakers whose voices are most alike, each with the cosine of the two voices: what that
    says of its being the same person depends on the bundle (resonet bundle show).

    \b
    Examples:
      resonet identify call.wav
      resonet identify call.wav --speakers colleagues/ --json
      resonet identify calls/ --index archive
    """
    if not recordings:
        raise UsageError("no recording given", "resonet identify --help")
    if speakers is not None and index is not None:
        raise UsageError("--speakers and --index both say who is known", "give one of them")
    failures = Failures()
    with tempfile.TemporaryDirectory(prefix="resonet-") as scratch, ExitStack() as stack:
        found = gather(recordings, rate, Path(scratch), failures)
        if not found:
            failures.leave()
        check_output(output, found)
        identity, who = _known(bundle, speakers, index, limit, threads, failures, stack)
        write_each(
            _identify(identity, who, found, failures),
            found,
            output,
            ".json" if as_json else ".txt",
            lambda result, name, several: render(*result, name, as_json, several),
            several=len(found) > 1 or any(Path(argument).is_dir() for argument in recordings),
        )
    failures.leave()


def _known(
    bundle: str | None,
    folder: str | None,
    index: str | None,
    limit: int,
    threads: int | None,
    on_error: Callable[[ResonetError], None],
    stack: ExitStack,
) -> tuple[Identity, Who | None]:
    """The network, and how to find who a voice is like; None where nobody is known."""
    from resonet.runtime.acoustic import default_threads
    from resonet.runtime.identity import MEMBER, Identity

    threads = threads or default_threads()
    if index is not None:
        from resonet.search.bundles import same_bundle
        from resonet.search.known_speakers import known_speakers
        from resonet.search.speakers import Speakers
        from resonet.search.store import Store

        store = stack.enter_context(Store.open(index))
        made = store.meta.get("speaker")
        if made is None:
            raise SearchIndexError(f"the index {index} knows no voices", "index with an embedder that does")
        identity = Identity.load(same_bundle(made, "embedder", MEMBER, bundle), threads)
        speakers_there = Speakers(store)
        return identity, lambda voice: known_speakers(speakers_there, voice, limit)
    _check_installed(bundle)
    identity = Identity.load(bundle, threads)
    if folder is None:
        return identity, None
    from resonet.runtime.known_voices import KnownVoices, speakers_of

    known = KnownVoices.of_recordings(identity, speakers_of(folder), on_error)
    return identity, lambda voice: known.nearest(voice, limit)


def _check_installed(bundle: str | None) -> None:
    """Raises BundleError where none can be meant: what to install is another one than for words."""
    import os

    from resonet.bundle import installed

    if bundle is None and not os.environ.get("RESONET_BUNDLE_EMBEDDER") and not installed("embedder"):
        raise BundleError(
            "no embedder bundle is installed, which is what knows voices and languages",
            "name one: --bundle FILE; `resonet train --task identify` makes one from recordings of many speakers",
        )


def _identify(
    identity: Identity, who: Who | None, recordings: Sequence[Recording], on_error: Callable[[ResonetError], None]
) -> Iterator[tuple[int, tuple[Heard, list[Alike] | None]]]:
    """Index into `recordings` and what was heard, in order, of each in which somebody speaks."""
    from resonet.runtime.known_voices import hear

    for index, recording in enumerate(recordings):
        try:
            heard = hear(identity, recording.path)
        except ResonetError as error:
            on_error(under_its_name(error, recording))
        else:
            yield index, (heard, who(heard.voice) if who else None)


def render(heard: Heard, alike: list[Alike] | None, name: str, as_json: bool, several: bool) -> str:
    """One recording's line."""
    language, probability = next(iter(heard.languages.items()))
    if as_json:
        fields: dict[str, Any] = {
            "file": name,
            "language": language,
            "languages": {tag: round(p, 4) for tag, p in heard.languages.items()},
        }
        if alike is not None:
            fields["speakers"] = [{"speaker": one.speaker, "score": round(one.score, 4)} for one in alike]
        return json_line(fields)
    parts = [as_field(name)] if several else []
    parts += [language, f"{probability:.2f}"]
    for one in alike or []:
        parts += [as_field(one.speaker), f"{one.score:.2f}"]
    return "\t".join(parts) + "\n"
