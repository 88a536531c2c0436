"""A query cut into its pieces: words, phrases, filters, and the signs between them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

from resonet.errors import UsageError
from resonet.search.tokens import tokens
from resonet.search.tree import Filter, Node, Words
from resonet.text.normalise import normalise

FIELDS = ("confidence", "date", "file", "language", "speaker")
_EXAMPLES = {
    "confidence": "0.5",
    "date": "2026-01-31, date:2026 or date:2026-01..2026-02",
    "file": "interviews/*.flac",
    "language": "en",
    "speaker": "mary",
}
_NEAR = 10  # words between, where none are told
_MOST_NEAR = 1000
_MOST_STARS = 8  # of a filter
# Letters of a word from which `~` allows two edits.
_LONG = 6

# One sign for one sign, so that positions stay those of what was typed.
_SIGNS = str.maketrans({**dict.fromkeys("“”„‟«»＂", '"'), "（": "(", "）": ")", "：": ":", "＊": "*", "～": "~"})
_RUN = re.compile(r'[^\s()"]+')
_FIELD = re.compile(r"([^\W\d_]+):(.*)", re.DOTALL)
_NEAR_WORD = re.compile(r"NEAR(?:/(.*))?", re.DOTALL)
# A word with the mark at its end, behind which punctuation may stand; the mark behind a phrase.
_MARKED = re.compile(r"(.*?)(?:(\*|~\d*)[.,;:!?]*)?", re.DOTALL)
_MARK = re.compile(r"[*~]\d*")


@dataclass(frozen=True)
class Piece:
    """What the text is cut into: `kind` is a word in lower case, or one of the signs; `at` counts from 1."""

    kind: str
    at: int
    node: Node | None = None
    number: int = 0


def wrong(at: int, what: str, fix: str) -> UsageError:
    """The error about what stands at a character, counted from 1."""
    return UsageError(f"the query at character {at}: {what}", fix)


class Cutter:
    """Cuts one query, whose words are those of a language (BCP 47 tag)."""

    def __init__(self, text: str, language: str) -> None:
        self._text, self._language = text.translate(_SIGNS), language

    def pieces(self) -> Iterator[Piece]:
        """The pieces in order. Raises UsageError at the first that is none."""
        text, at = self._text, 0
        while at < len(text):
            c = text[at]
            if c.isspace():
                at += 1
            elif c in "()":
                yield Piece("open" if c == "(" else "close", at + 1)
                at += 1
            elif c == '"':
                start, (inside, at) = at, self._quoted(at)
                marked = _MARK.match(text, at)
                at = marked.end() if marked else at
                yield Piece("words", start + 1, self._phrase(inside, marked[0] if marked else "", start + 1))
            elif c == "-" and at + 1 < len(text) and not text[at + 1].isspace() and text[at + 1] != ")":
                yield Piece("not", at + 1)
                at += 1
            else:
                run = _RUN.match(text, at)
                assert run is not None
                piece, at = self._piece_of(run[0], at)
                if piece is not None:
                    yield piece

    def _quoted(self, at: int) -> tuple[str, int]:
        """What stands between the quote here and the next one, and where that is over."""
        end = self._text.find('"', at + 1)
        if end < 0:
            raise wrong(at + 1, "the quote is not closed", f'put another one where it ends: {short(self._text[at:])}"')
        return self._text[at + 1 : end], end + 1

    def _piece_of(self, run: str, start: int) -> tuple[Piece | None, int]:
        """The piece that begins with a run of characters, and where it ends; None for a run of signs alone."""
        at, end = start + 1, start + len(run)
        if run in ("AND", "OR", "NOT"):
            return Piece(run.lower(), at), end
        if near := _NEAR_WORD.fullmatch(run):
            number = _NEAR if near[1] is None else int(near[1]) if re.fullmatch(r"[0-9]{1,4}", near[1]) else -1
            if not 0 <= number <= _MOST_NEAR:
                raise wrong(at, f"{short(run)} tells no number of words", f"give NEAR/0 to NEAR/{_MOST_NEAR}")
            return Piece("near", at, number=number), end
        if named := _FIELD.fullmatch(run):
            value, after = named[2], self._text[end : end + 1]
            if not value and after == '"':
                value, end = self._quoted(end)
            elif not value and after == "(":
                close = self._text.find(")", end)
                if close < 0:
                    raise wrong(end + 1, "the ( is not closed", f"as in: {named[1]}:(…)")
                value, end = self._text[end + 1 : close], close + 1
            if value.strip() or named[1].lower() in FIELDS:
                return Piece("filter", at, self._filter(named[1], value.strip(), at)), end
        return self._word(run, at), end

    def _word(self, run: str, at: int) -> Piece | None:
        marked = _MARKED.fullmatch(run)
        assert marked is not None
        word, mark = marked[1], marked[2] or ""
        if "*" in word:
            raise wrong(at, f"the * in {short(run)} stands within the word", "put it at the end, as in light*")
        words = self._words(word)
        if words is None:
            if mark:
                raise wrong(at, f"there is no word before the {mark[0]}", f"as in light{mark[0]}")
            return None
        return Piece("words", at, self._marked(words, mark, at))

    def _words(self, text: str) -> Words | None:
        written = normalise(text, self._language)
        found = tuple(tokens(written).split())
        return Words(found, written) if found else None

    def _phrase(self, inside: str, mark: str, at: int) -> Words:
        words = self._words(inside)
        if words is None:
            raise wrong(at, "there is no word between the quotes", 'as in "light house"')
        return self._marked(words, mark, at)

    def _marked(self, words: Words, mark: str, at: int) -> Words:
        """Words as the * or ~ at their end has them."""
        if mark == "*":
            return Words(words.tokens, words.text, prefix=True)
        if mark.startswith("*"):
            raise wrong(at, f"a number follows the * of {short(words.text)!r}", "leave it out")
        if mark.startswith("~"):
            if len(words.tokens) > 1:
                raise wrong(at, f"{short(words.text)!r} is more than one word", "put the ~ after one word alone")
            if mark not in ("~", "~1", "~2"):
                raise wrong(at, f"{short(mark)} are too many letters", "one or two may be other: ~1 or ~2")
            edits = int(mark[1:] or (1 if len(words.tokens[0]) < _LONG else 2))
            return Words(words.tokens, words.text, edits=edits)
        return words

    def _filter(self, name: str, value: str, at: int) -> Filter:
        known = name.lower()
        if known not in FIELDS:
            from difflib import get_close_matches

            near = get_close_matches(known, FIELDS, n=1)
            raise wrong(
                at,
                f"{short(name)}: is none of {', '.join(f'{f}:' for f in FIELDS)}",
                f"did you mean {near[0]}:?" if near else "words with a colon between them go in quotes",
            )
        if not value:
            raise wrong(at, f"nothing follows {known}:", f"as in {known}:{_EXAMPLES[known]}")
        if known not in ("date", "confidence"):
            if value.count("*") > _MOST_STARS:
                raise wrong(at, f"{known}: has more than {_MOST_STARS} *", "leave some out")
            return Filter(known, text=value, at=at)
        low, dots, high = (part.strip() for part in value.partition(".."))
        if not dots:
            high = low if known == "date" else ""
        check = _is_date if known == "date" else _is_share
        if not (low or high) or not all(check(bound) for bound in (low, high) if bound):
            what = "a date" if known == "date" else "a share of 1"
            raise wrong(at, f"{short(value)!r} is not {what}", f"as in {known}:{_EXAMPLES[known]}")
        if known == "confidence":
            low, high = low or "0", high or "1"
        if low and high and (low[: len(high)] > high if known == "date" else float(low) > float(high)):
            raise wrong(at, f"{short(value)} ends before it begins", f"give {known}:{high}..{low}")
        return Filter(known, low=low, high=high, at=at)


def _is_date(text: str) -> bool:
    """A year, a month or a day."""
    if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", text):
        return False
    try:
        datetime.date.fromisoformat(text + "-01-01"[len(text) - 4 :])
    except ValueError:
        return False
    return True


def _is_share(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]*\.?[0-9]+|[0-9]+\.", text)) and float(text) <= 1


def short(text: str) -> str:
    """The beginning of what was typed, for a sentence about it."""
    return text if len(text) <= 40 else f"{text[:37]}..."
