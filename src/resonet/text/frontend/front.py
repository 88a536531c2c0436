"""The front end of a voice: text or SSML in, sentences of its units out."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from resonet.errors import DataError, UsageError
from resonet.text.frontend import ipa
from resonet.text.frontend.clean import OPAQUE, clean
from resonet.text.frontend.english import English
from resonet.text.frontend.english_words import EnglishPhones
from resonet.text.frontend.german import German
from resonet.text.frontend.layout import SHORTEST, pieces
from resonet.text.frontend.mandarin import Mandarin
from resonet.text.frontend.other import Other
from resonet.text.frontend.pinyin import Pinyin, units_of
from resonet.text.frontend.rules import KINDS, Reading, Token
from resonet.text.frontend.sentence import PLAIN, Control, Said, Sentence, SpokenWord
from resonet.text.frontend.split import stretches
from resonet.text.frontend.ssml import PARAGRAPH, Ask, Document, Flow, parse
from resonet.text.frontend.words import Letters, Phones, fit
from resonet.text.g2p import GraphemeToPhone
from resonet.text.lexicon import Lexicon
from resonet.text.phones import ARPABET, ARPABET_STRESSED, PINYIN, PINYIN_FINALS
from resonet.text.units import BLANK, SEPARATOR

MARKS = (",", ".", "?", "!", ";", ":", "–")
_ALPHABETS = {"de": "abcdefghijklmnopqrstuvwxyzäöüß"}
_MOST_WARNINGS = 100
_READINGS: dict[str, type[Reading]] = {"en": English, "de": German, "zh": Mandarin, "cmn": Mandarin}

UserWords = Lexicon | Mapping[str, str | Sequence[str]]


def voice_symbols(language: str, texts: Iterable[str] = ()) -> tuple[str, ...]:
    """The units for a new voice: blank, `|`, punctuation, then phones (English, Mandarin) or the letters of `texts`
    beside those that the language is known to have."""
    base = language.split("-")[0].lower()
    if base == "en":
        rest: Iterable[str] = ARPABET_STRESSED
    elif base in ("zh", "cmn"):
        rest = PINYIN
    else:
        seen = {
            c
            for text in texts
            for c in unicodedata.normalize("NFC", text).lower()
            if unicodedata.category(c)[0] in "LM"
        }
        rest = sorted(seen | set(_ALPHABETS.get(base, "")))
    return (BLANK, SEPARATOR, *MARKS, *rest)


class FrontEnd:
    """Turns written text into sentences of a voice's units.

    Args:
        language: BCP 47 tag. `en`, `de` and `zh` have rules; any other is read letter by letter, numbers by num2words.
        symbols: the units of the voice (`units.list` of its manifest); nothing else is ever given.
        lexicon: pronunciations of words; for Mandarin: words that belong together.
        g2p: reads words that the lexicon lacks; without one they are spelled.
        user: how the user wants words said: a Lexicon, or for each word its units (a sequence, or in one string with
            spaces between) or other words to be read in its place.
        warn: is called with a sentence for what is read otherwise than written; without it they gather in `warnings`.
        others: front ends for further languages of the same voice, by tag, for SSML's `xml:lang`.
        voices: the language of each speaker, to which SSML's `voice` changes; those not named read as this one does.

    Raises:
        UsageError: no language, or symbols that hold none to speak with.
        DataError: a word of `user` has units that the voice lacks.

    May be used by several threads.
    """

    def __init__(
        self,
        language: str,
        symbols: Sequence[str],
        *,
        lexicon: Lexicon | None = None,
        g2p: GraphemeToPhone | None = None,
        user: UserWords | None = None,
        warn: Callable[[str], None] | None = None,
        others: Mapping[str, FrontEnd] | None = None,
        voices: Mapping[str, str] | None = None,
    ) -> None:
        self.language = language.replace("_", "-")
        base = self.language.split("-")[0].lower()
        if not base.isalpha():
            raise UsageError(f"{language!r} is no language", "name one as en, de or zh")
        self.symbols = frozenset(symbols) - {BLANK}
        speaking = self.symbols - {SEPARATOR, *MARKS}
        if not speaking:
            raise UsageError("A voice needs units to speak with, these are none: " + " ".join(symbols[:20]))
        self.warnings: list[str] = []
        self._warned: set[str] = set()
        self._tell = warn
        self._others = {tag.split("-")[0].lower(): other for tag, other in (others or {}).items()}
        self._voices = dict(voices or {})
        self._base = base
        self._user = self._user_words(user)
        self._reading = _READINGS.get(base, Other)(self.language, lexicon.__contains__ if lexicon else None)
        self._words: Letters
        if base in ("zh", "cmn") and any(final + "4" in speaking for final in PINYIN_FINALS):
            self._words = Pinyin(self.symbols, self._user, self._warn, lexicon)
        elif base == "en" and any(len(phone) > 1 and phone in speaking for phone in (*ARPABET, *ARPABET_STRESSED)):
            self._words = EnglishPhones(self.symbols, self._user, self._warn, lexicon, g2p)
        elif lexicon is not None or g2p is not None:
            self._words = Phones(self.symbols, self._user, self._warn, lexicon, g2p)
        else:
            self._words = Letters(self.symbols, self._user, self._warn)

    # What callers ask for.

    def sentences(self, text: str, longest: int = 200) -> Iterator[Sentence]:
        """The sentences of a text, lazily, in pieces of at most `longest` symbols.

        A longer sentence is cut at `; : , –`, else between words. A blank line ends a sentence and adds a pause; a
        single line break is a space. What is said does not depend on how far the iterator is read.

        Raises:
            UsageError: `longest` is below 8.
            DataError: at the end, if nothing in the text can be said; it names characters that the voice lacks.
            MissingExtra: numbers or Mandarin without the extra [speak].
        """
        self._check(longest)
        return self._sentences(text, longest)

    def ssml(self, document: str, longest: int = 200) -> Iterator[Sentence]:
        """The sentences of an SSML document, which is checked as a whole before the first.

        Words have their place in the character data of the document: all text between its tags, in order, entities
        resolved, line ends as line feeds.

        Raises:
            DataError: no such SSML, with line and column; nothing to say. Otherwise as `sentences`.
        """
        self._check(longest)
        read = parse(document, self._speaks, self._warn, self._voices)
        said = [{at: self._for(flow).answer(ask) for at, (ask, _) in flow.asks.items()} for flow in read.flows]
        return self._flows(read, said, longest)

    def expand(self, text: str) -> str:
        """The text with numbers, dates, times, money, units, abbreviations and signs in words; all else stays.

        Raises:
            MissingExtra: numbers without the extra [speak].
        """
        glue = "" if isinstance(self._reading, Mandarin) else " "
        done: list[str] = []
        at = 0
        for stretch in stretches(text, self._reading.dots):
            cleaned = clean(text[stretch.start : stretch.end])
            tokens = self._reading.tokens(cleaned.text, self._user)
            for i, token in enumerate(tokens):
                if not token.words:
                    continue
                written = cleaned.text[token.start : token.end]
                said = glue.join(token.words).replace(" ,", ",")
                if said.lower() == written.lower() or "-".join(token.words) == written.lower():
                    continue
                start = stretch.start + cleaned.starts[token.start]
                end = stretch.start + cleaned.ends[token.end - 1]
                done.append(text[at:start])
                last = text[start - 1] if start > at else done[-2][-1:] if len(done) > 1 else ""
                if glue and last.isalnum():
                    done.append(" ")
                done.append(said)
                at = end
                if written.endswith(".") and i == len(tokens) - 1 and not stretch.goes_on:
                    done.append(text[end - 1 : end])
                elif glue and text[end : end + 1].isalnum():
                    done.append(" ")
        return "".join([*done, text[at:]])

    # Text.

    def _sentences(self, text: str, longest: int) -> Iterator[Sentence]:
        self._words.unknown.clear()
        said = False
        for stretch in stretches(text, self._reading.dots):
            found = list(self._stretch(text, stretch.start, stretch.end, longest, stretch.goes_on))
            if found and stretch.paragraph:
                found[-1] = replace(found[-1], pause=PARAGRAPH)
            said = said or bool(found)
            yield from found
        if not said:
            raise self._nothing(text)

    def _stretch(
        self,
        text: str,
        start: int,
        end: int,
        longest: int,
        goes_on: bool,
        said: Mapping[int, Said] | None = None,
        flow: Flow | None = None,
        data: str = "",
    ) -> Iterator[Sentence]:
        """The pieces of one sentence, `text[start:end]`; of SSML where there is a flow."""
        cleaned = clean(text[start:end], opaque=flow is not None)
        tokens = self._reading.tokens(cleaned.text, self._user)
        if said:
            tokens = [self._answered(token, said, start + cleaned.starts[token.start]) for token in tokens]
        groups = self._words.groups(tokens)
        glue = "" if isinstance(self._words, Pinyin) else " "
        for piece in pieces(groups, self.symbols, longest, goes_on, self._reading.joins):
            words = []
            controls: list[Control] = []
            for number, first, last, before, after in piece.spans:
                group = groups[number]
                place = (start + cleaned.starts[group.start], start + cleaned.ends[group.end - 1])
                if flow is not None:
                    control = flow.control(place[0])
                    controls += [controls[-1] if controls else control] * (first - len(controls) - 1)
                    controls += [control] * (last - len(controls))
                    place = flow.place(*place)
                here, there = _share(*place, before, last - first, after)
                words.append(SpokenWord((data if flow else text)[here:there], here, there, first, last))
            if controls:
                controls += [controls[-1]] * (len(piece.symbols) - len(controls))
            plain = all(control == PLAIN for control in controls)
            yield Sentence(
                piece.symbols, tuple(words), glue.join(piece.spoken), controls=() if plain else tuple(controls)
            )

    def _nothing(self, text: str) -> DataError:
        unknown = list(self._words.unknown)
        if unknown:
            return DataError(
                f"Nothing in this text can be said by a voice for {self.language}: it has no units for "
                + " ".join(unknown[:10]),
                "choose a voice that speaks the language of the text",
            )
        start = " ".join(text[:200].split())[:40]
        return DataError(f"There is nothing to say in {start!r}" if start else "The text is empty", "give some words")

    def _check(self, longest: int) -> None:
        if longest < SHORTEST:
            raise UsageError(f"Pieces of at most {longest} symbols are too short", f"allow at least {SHORTEST}")

    # SSML.

    def _flows(self, read: Document, said: Sequence[Mapping[int, Said]], longest: int) -> Iterator[Sentence]:
        self._words.unknown.clear()
        marks = list(reversed(read.marks))
        held: Sentence | None = None
        anything = False
        for flow, answers in zip(read.flows, said, strict=True):
            front = self._for(flow)
            for stretch in stretches(flow.text, front._reading.dots):
                goes_on = stretch.goes_on or (flow.goes_on and not flow.text[stretch.end :].strip())
                for sentence in front._stretch(
                    flow.text, stretch.start, stretch.end, longest, goes_on, answers, flow, read.data
                ):
                    if held is not None:
                        yield held
                    anything = True
                    sentence = replace(sentence, voice=flow.voice, language=flow.language)
                    held = _with_marks(sentence, marks)
            if flow.pause and (held is not None or not flow.text):
                held = replace(held or Sentence((), (), ""), pause=(held.pause if held else 0.0) + flow.pause)
        if held is not None:
            rest = tuple((name, len(held.symbols)) for _, name in reversed(marks))
            yield replace(held, marks=(*held.marks, *rest))
        if not anything and not any(flow.pause and not flow.text for flow in read.flows):
            raise self._nothing(read.data)

    def _speaks(self, language: str) -> bool:
        base = language.replace("_", "-").split("-")[0].lower()
        return base == self._base or base in self._others

    def _for(self, flow: Flow) -> FrontEnd:
        base = flow.language.replace("_", "-").split("-")[0].lower()
        return self if not base or base == self._base else self._others.get(base, self)

    def answer(self, ask: Ask) -> Said:
        """How SSML wants a stretch to be said."""
        if ask.kind == "sub":
            return self._read_as(ask.value)
        if ask.kind == "say-as":
            words = self._reading.say_as(ask.value, ask.form, clean(ask.text).text)
            if words is None and ask.value not in KINDS:
                self._warn(f"{ask.where}: interpret-as {ask.value[:40]!r} is not known, the text is read as it is")
            return Said(tuple(words)) if words is not None else self._read_as(ask.text)
        units = self._transcribed(ask)
        return self._read_as(ask.text) if units is None else Said(tuple(self._read_as(ask.text).words) or ("",), units)

    def _transcribed(self, ask: Ask) -> tuple[str, ...] | None:
        """The units of a `phoneme`; None where its alphabet is not read."""
        signs = ask.value.split()
        if ask.form == "x-pinyin" and isinstance(self._words, Pinyin):
            units: list[str] = []
            for sign in signs:
                found = fit(units_of(sign), self.symbols)
                if not found:
                    raise DataError(f"{ask.where}: {sign[:20]!r} is no syllable of pinyin", 'write ph="zhong1 guo2"')
                units += found
        elif ask.form == "x-arpabet":
            units = list(fit(signs, self.symbols))
            if len(units) < len(signs):
                wrong = next(sign for sign in signs if not fit([sign], self.symbols))
                raise DataError(f"{ask.where}: {wrong[:20]!r} is no unit of this voice", "see resonet bundle info")
        elif ask.form == "ipa" and isinstance(self._words, EnglishPhones):
            phones, wrong = ipa.arpabet(ask.value)
            if wrong:
                raise DataError(f"{ask.where}: {wrong!r} of the IPA {ask.value[:40]!r} is not known here")
            units = list(fit(phones, self.symbols))
        else:
            self._warn(f"{ask.where}: phones in {ask.form[:20]!r} are not read by this voice, the text is")
            return None
        if not units:
            raise DataError(f"{ask.where}: <phoneme> names no phones")
        return tuple(units)

    def _read_as(self, text: str) -> Said:
        """Words for a text that stands for another one."""
        tokens = self._reading.tokens(clean(text).text, self._user)
        pauses = dict.fromkeys(",;:–(", (",",))
        return Said(tuple(word for token in tokens for word in token.words or pauses.get(token.mark, ())))

    def _answered(self, token: Token, said: Mapping[int, Said], at: int) -> Token:
        if token.words != (OPAQUE,) or at not in said:
            return token
        return token._replace(words=said[at].words, units=said[at].units)

    # Words of the user, warnings.

    def _user_words(self, user: UserWords | None) -> dict[str, Said]:
        found: dict[str, Said] = {}
        if user is None:
            return found
        entries = ((w, user.pronunciations(w)[0]) for w in user) if isinstance(user, Lexicon) else user.items()
        for word, value in entries:
            key = clean(word.strip()).text.lower()
            parts = value.split() if isinstance(value, str) else list(value)
            units = fit(parts, self.symbols)
            if parts and len(units) == len(parts):
                found[key] = Said((key,), units)
            elif isinstance(value, str) and parts:
                found[key] = Said(tuple(value.lower().split()))
            else:
                wrong = next((part for part in parts if not fit([part], self.symbols)), "")
                raise DataError(f"{word!r} of the user's words has {wrong!r}, which is no unit of this voice")
        return found

    def _warn(self, sentence: str) -> None:
        if sentence in self._warned or len(self._warned) >= _MOST_WARNINGS:
            return
        self._warned.add(sentence)
        if self._tell is not None:
            self._tell(sentence)
        else:
            self.warnings.append(sentence)


def _share(start: int, end: int, before: int, here: int, after: int) -> tuple[int, int]:
    """The characters of a word that a part of its units stands for."""
    if not before and not after:
        return start, end
    total = before + here + after
    return start + (end - start) * before // total, start + (end - start) * (total - after) // total


def _with_marks(sentence: Sentence, marks: list[tuple[int, str]]) -> Sentence:
    """Takes the marks (in reverse order) that lie before a word of the sentence."""
    found = []
    for word in sentence.words:
        while marks and marks[-1][0] <= word.start:
            at = word.first - 1 if word.first and sentence.symbols[word.first - 1] == SEPARATOR else word.first
            found.append((marks.pop()[1], at))
    return replace(sentence, marks=tuple(found)) if found else sentence
