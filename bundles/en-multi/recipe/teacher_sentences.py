"""What the teacher is to say: sentences of books and of modern English, and what a voice needs that texts hold too
little of: questions, exclamations, lists, numbers in words, single words, letters.

The order is such that any beginning of it is balanced, by the shares below. It hangs on a hash of each sentence and on
no order of files, so that a list of sentences to leave out takes those out and changes little else.
"""

from __future__ import annotations

import hashlib
import lzma
import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from teacher_phones import TWO_WAYS, Dictionary, teacher_phones

# Parts of the speaking time. The lengths of statements are in words.
SHARES = {
    "books-3-7": 0.06, "books-8-12": 0.10, "books-13-18": 0.12, "books-19-25": 0.08,
    "modern-3-7": 0.10, "modern-8-12": 0.14, "modern-13-18": 0.10, "modern-19-25": 0.02,
    "question": 0.10, "exclamation": 0.05, "list": 0.04, "number": 0.05, "word": 0.03, "letters": 0.01,
}  # fmt: skip
LENGTHS = ((3, 7), (8, 12), (13, 18), (19, 25))
RUN = 5  # words in a row that a sentence may not share with one that is to be left out
# Books give far more than is needed: this part of their paragraphs is looked at, by hash.
PARAGRAPHS = 8

_SENTENCE_END = re.compile(r"(?<=[.?!])['\"”’]?\s+(?=['\"“‘]?[A-Z])")
_PLAIN = re.compile(r"[A-Z][A-Za-z' ,;:–-]*[.?!]")
_SHORT = {"Mr": "Mister", "Mrs": "Missus"}
_CAPITALS = re.compile(r"\b[A-Z]{2,}|\b[B-HJ-Z]\b")

# An apostrophe at the edge of a word is a quote mark, or an elision that the dictionary does not know.
_ODD = re.compile(r"(?<![a-z])'|'(?![a-z])|[,;:–-] ?[,;:.?!–]")


@dataclass(frozen=True)
class Line:
    """A sentence with what the teacher is to read for it."""

    kind: str
    text: str
    phones: str

    @property
    def name(self) -> str:
        """The same for a sentence whatever else is spoken: the name of its clip."""
        return f"{self.kind}-{digest(self.text)[:10]}"


def digest(text: str) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def plain(text: str) -> list[str]:
    """The words of a sentence, so that two writings of it are one."""
    text = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    return re.findall(r"\w+(?:'\w+)*", text)


class LeftOut:
    """Sentences that the teacher must not say, and all that shares a run of five words with one."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self._whole: set[tuple[str, ...]] = set()
        self._runs: set[tuple[str, ...]] = set()
        for sentence in sentences:
            words = plain(sentence)
            self._whole.add(tuple(words))
            self._runs.update(_runs(words))

    def __contains__(self, sentence: str) -> bool:
        words = plain(sentence)
        return tuple(words) in self._whole or not self._runs.isdisjoint(_runs(words))


def _runs(words: list[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1))


def tidy(sentence: str) -> str | None:
    """A sentence of a text as it is to be spoken and written down, or None where it is not fit for that.

    Fit: 1 to 25 words of plain letters, one mark at its end, no digit, no bracket, no quote mark but around all of it.
    """
    text = unicodedata.normalize("NFC", sentence).translate(str.maketrans("’‘“”", "''\"\"")).strip(" \"'_")
    text = re.sub(r"\b(Mrs?)\b\.?", lambda match: _SHORT[match[1]], text)
    text = re.sub(r"\b([Tt]o)-(day|night|morrow)\b", r"\1\2", text)
    text = re.sub(r"\s*(?:--+|—|–)\s*", " – ", text)
    text = re.sub(r"\s*-(?:\s+|$)|\s+-", " – ", text)
    text = " ".join(text.split())
    if not _PLAIN.fullmatch(text) or _CAPITALS.search(text) or _ODD.search(text):
        return None
    return text if len(plain(text.replace("-", " "))) <= LENGTHS[-1][1] else None


def sentences(file: Path) -> Iterator[str]:
    """The tidy sentences of a text file (`.xz`), one paragraph or sentence a line."""
    books = file.name.startswith("books")
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            if books and int(digest(line)[:8], 16) % PARAGRAPHS:
                continue
            for piece in _SENTENCE_END.split(line.strip()):
                text = tidy(piece)
                if text:
                    yield text


def kind_of(text: str, source: str) -> str | None:
    """Which of SHARES a sentence counts to."""
    words = len(plain(text.replace("-", " ")))
    if text.endswith("!"):
        return "exclamation"
    if text.endswith("?"):
        return "question" if words <= LENGTHS[1][1] else None
    if words > 5 and re.fullmatch(r"[^,;:–]+(?:, (?:\w+ ){0,2}\w+){1,},? and (?:\w+ ){0,2}\w+\.", text):
        return "list"
    return next((f"{source}-{low}-{high}" for low, high in LENGTHS if low <= words <= high), None)


def candidates(folder: Path) -> dict[str, set[str]]:
    """Sentences of `books*.txt.xz` and `modern*.txt.xz` by kind; `word` holds words of at least five of them."""
    found: dict[str, set[str]] = defaultdict(set)
    seen: dict[str, int] = defaultdict(int)
    for source in ("books", "modern"):
        for file in sorted(folder.glob(f"{source}*.txt.xz")):
            for text in sentences(file):
                kind = kind_of(text, source)
                if kind:
                    found[kind].add(text)
                # Only what is written small inside a sentence: names are said in too many ways.
                for word in re.findall(r"(?<=[a-z,] )[a-z]{3,}\b(?!['-])", text):
                    seen[word] += 1
    found["word"] = {word for word, count in seen.items() if count >= 5}
    return found


def plan(
    found: Mapping[str, Iterable[str]], dictionary: Dictionary, left_out: LeftOut, seed: str, seconds: float
) -> Iterator[Line]:
    """What to say, in order, until `seconds` are surely filled; `seed` names the voice too, so that voices differ."""
    words = sorted(word for word in found["word"] if word in dictionary and word not in TWO_WAYS)
    made = {kind: random.Random(f"{seed}:{kind}") for kind in ("number", "letters", "word", "list")}
    queues: dict[str, Iterator[str]] = {
        kind: iter(sorted(found.get(kind, ()), key=lambda text: digest(f"{seed}:{text}"))) for kind in SHARES
    }
    queues["number"] = (number(made["number"]) for _ in range(20_000))
    queues["letters"] = (letters(made["letters"]) for _ in range(5_000))
    queues["word"] = (mark(word, made["word"]) for word in sorted(words, key=lambda word: digest(f"{seed}:{word}")))
    if words:
        queues["list"] = _alternate(queues["list"], (a_list(words, made["list"]) for _ in range(5_000)))
    spent = dict.fromkeys(SHARES, 0.0)
    said: set[tuple[str, ...]] = set()
    while queues and sum(spent.values()) < seconds:
        kind = min(queues, key=lambda kind: spent[kind] / SHARES[kind])
        text = next(queues[kind], None)
        if text is None:
            del queues[kind]
            continue
        phones = teacher_phones(text, dictionary)
        if phones is None or text in left_out or tuple(plain(text)) in said:
            continue
        said.add(tuple(plain(text)))
        spent[kind] += expected_seconds(phones)
        yield Line(kind, text, phones)


def expected_seconds(phones: str) -> float:
    """About how long the teacher takes for its symbols, without silence at the ends."""
    return 0.15 + 0.075 * sum(c.isalpha() for c in phones) + 0.25 * sum(c in ",;:—.?!" for c in phones[:-1])


def _alternate(first: Iterator[str], second: Iterator[str]) -> Iterator[str]:
    for one, other in zip(first, second, strict=False):
        yield one
        yield other
    yield from second


def mark(word: str, chance: random.Random) -> str:
    """A word said alone: mostly as a statement."""
    return word.capitalize() + chance.choice("......?!")


def a_list(words: list[str], chance: random.Random) -> str:
    """Three to six words in a row, as a list is read."""
    *first, last = chance.sample(words, chance.randint(3, 6))
    text = f"{', '.join(first)}{chance.choice((', and', ' and', ' or', ','))} {last}."
    return text[0].upper() + text[1:]


def letters(chance: random.Random) -> str:
    """Letters as in a code that is spelled; A is left out, since alone it may be the article."""
    chosen = [chance.choice("BCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(chance.randint(2, 5))]
    if chance.random() < 0.4:
        chosen.insert(chance.randrange(len(chosen) + 1), spelled(chance.randint(1, 9)))
        chosen[0] = chosen[0].capitalize()
    return ", ".join(chosen) + "."


_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = [
    "ten",
    "eleven",
    "twelve",
    *(f"{stem}teen" for stem in ("thir", "four", "fif", "six", "seven", "eigh", "nine")),
]
_TENS = [f"{stem}ty" for stem in ("twen", "thir", "for", "fif", "six", "seven", "eigh", "nine")]
_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"]
_ORDINALS += ["twelfth", *(f"{teen}th" for teen in _TEENS[3:]), "twentieth", "thirtieth"]
_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August"]
_MONTHS += [f"{stem}ber" for stem in ("Septem", "Octo", "Novem", "Decem")]
_THINGS = ["miles", "pounds", "people", "pages", "houses", "kilometers", "degrees", "books", "days", "letters", "trees"]


def spelled(n: int) -> str:
    """0 to 999,999 in words: 312 -> three hundred twelve."""
    if n < 20:
        return (_DIGITS + _TEENS)[n]
    if n < 100:
        return _TENS[n // 10 - 2] + (f" {_DIGITS[n % 10]}" if n % 10 else "")
    size, name = (100, "hundred") if n < 1000 else (1000, "thousand")
    return f"{spelled(n // size)} {name}" + (f" {spelled(n % size)}" if n % size else "")


def year(n: int) -> str:
    """1984 -> nineteen eighty four; 1905 -> nineteen oh five; 2007 -> two thousand seven."""
    century, rest = divmod(n, 100)
    if 2000 <= n < 2010:
        return spelled(n)
    return f"{spelled(century)} {'hundred' if not rest else 'oh ' + spelled(rest) if rest < 10 else spelled(rest)}"


def number(chance: random.Random) -> str:
    """Something with a number in it, in words."""
    n = spelled(int(10 ** chance.uniform(0.4, 5.7)))
    small, thing = spelled(chance.randint(2, 99)), chance.choice(_THINGS)
    part = chance.choice(("morning", "afternoon", "evening"))
    date = f"{chance.choice(_MONTHS)} {chance.choice(_ORDINALS)}"
    made = chance.choice(
        (
            f"{n}.",
            f"{n} {thing}.",
            f"There were {n} {thing} in all.",
            f"In {year(chance.randint(1500, 2030))}, there were {small} {thing}.",
            f"It was on {date}, {year(chance.randint(1700, 2030))}.",
            f"The {chance.choice(_ORDINALS)} of {chance.choice(_MONTHS)}.",
            f"{small} point {spelled(chance.randint(0, 9))} {spelled(chance.randint(0, 9))}.",
            f"{small} dollars and {spelled(chance.randint(2, 99))} cents.",
            f"It costs {n} dollars.",
            f"About {small} percent of the {thing}.",
            f"At {spelled(chance.randint(1, 12))} {spelled(chance.randint(10, 59))} in the {part}.",
            f"{chance.choice(('half', 'a quarter'))} past {spelled(chance.randint(1, 12))}.",
            ", ".join(spelled(chance.randint(0, 9)) for _ in range(chance.randint(3, 7))) + ".",
            f"{small} plus {spelled(chance.randint(2, 99))} is more than {spelled(chance.randint(2, 9))}.",
            f"Is it {small} or {spelled(chance.randint(2, 99))}?",
            f"Chapter {small}, page {spelled(chance.randint(100, 999))}.",
        )
    )
    return made[0].upper() + made[1:]
