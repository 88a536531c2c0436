"""Who speaks the clips: voices, those of their speakers who speak the language, and how they say what is written."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from resonet.bundle import Bundle, Found, choose, find, installed, read_manifest
from resonet.bundle.places import INSTALL
from resonet.errors import BundleError, UsageError
from resonet.runtime.alike import Sounds
from resonet.runtime.clip_record import Speaking
from resonet.runtime.voice import Voice
from resonet.text.lexicon import Lexicon


class Cast:
    """The voices, those of their speakers who speak the language of the phrases, and how they say things.

    Attributes:
        language: of the phrases.
        members: (voice, speaker), sorted.
        sounds: how texts sound, by the voices and a lexicon; lexicon_of: the bundle that this is from.
    """

    def __init__(
        self,
        voices: Sequence[str | Path],
        language: str | None,
        threads: int | None,
        words: str | Path | None,
        warn: Callable[[str], object] | None,
    ) -> None:
        found = _voices(voices)
        spoken = {place.name: read_manifest(place.path).voice.speakers for place in found}
        bases = sorted({_base(who.language) for of_voice in spoken.values() for who in of_voice.values()})
        if language is None and len(bases) > 1:
            raise UsageError(
                f"the voices speak {' and '.join(bases)}",
                f"say which language the phrases are of: --language {bases[0]}",
            )
        base = _base(language or bases[0])
        able = {
            (name, speaker): who.language
            for name, of_voice in spoken.items()
            for speaker, who in of_voice.items()
            if _base(who.language) == base
        }
        self.members = sorted(able)
        speaking = {name for name, _ in self.members}
        # A voice that was named is wanted; of all that are installed, those count that can.
        silent = [place.name for place in found if place.name not in speaking]
        if silent and (voices or not speaking):
            raise UsageError(
                f"nobody of {silent[0]} speaks {base}: the voices speak {', '.join(bases)}",
                "name another voice, or the language of the phrases",
            )
        self.language = able[self.members[0]]
        self._places = [place for place in found if place.name in speaking]
        self.voices = {place.name: Voice.load(place.path, threads, words, warn) for place in self._places}
        lexicon, self.lexicon_of = self._lexicon()
        one_each = dict(self.members)
        says = [_says(self.voices[name], speaker) for name, speaker in one_each.items()]
        self.sounds = Sounds(says, lexicon, self.language)

    def described(self) -> Iterator[Speaking]:
        """The voices as the record names them."""
        for place in self._places:
            manifest = self.voices[place.name].manifest
            yield Speaking(
                name=manifest.name,
                sha256=_sha256(place.path),
                created=manifest.created,
                speakers=tuple(speaker for name, speaker in self.members if name == place.name),
                licence=manifest.licence,
            )

    def _lexicon(self) -> tuple[Lexicon | None, str]:
        """The lexicon of a voice, else of an installed recognizer of the language, and the bundle's name."""
        base = _base(self.language)
        recognizers = [
            place for place in installed("recognizer") if base in map(_base, read_manifest(place.path).languages)
        ]
        for place in (*self._places, *recognizers):
            # A recognizer that is damaged is nothing that is needed here.
            with suppress(BundleError), Bundle(place.path) as bundle:
                languages = {_base(tag) for tag in bundle.manifest.languages}
                # The lexicon of a voice of several languages is of English.
                if bundle.has("lexicon.bin") and (languages == {base} or base == "en"):
                    lexicon = Lexicon.from_bytes(bundle.read("lexicon.bin"))
                    if len(lexicon):
                        return lexicon, bundle.name
        return None, ""


def _voices(named: Sequence[str | Path]) -> list[Found]:
    """The bundles that were named, else that of the variable, else all installed voices."""
    if named:
        found = [find(name, "voice") for name in dict.fromkeys(named)]
    elif os.environ.get("RESONET_BUNDLE_VOICE"):
        found = [choose("voice")]
    else:
        found = installed("voice")
    if not found:
        raise BundleError("no voice bundle is installed", INSTALL)
    # The record and the clips know a voice by its own name, not by that of its file.
    found = [Found(read_manifest(place.path).name, place.path, place.where) for place in found]
    for name, times in Counter(place.name for place in found).items():
        if times > 1:
            raise UsageError(f"{times} voices are called {name}", "name them by path, each once")
    return found


def _says(voice: Voice, speaker: str) -> Callable[[str], tuple[tuple[str, ...], ...]]:
    return lambda text: voice.units(text, speaker)


def _base(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
