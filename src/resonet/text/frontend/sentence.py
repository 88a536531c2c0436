"""What a front end gives: sentences of units with their words, pauses, marks and controls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Control:
    """How a unit is to be said: times as fast, semitones higher, decibels louder than the voice would."""

    speed: float = 1.0
    pitch: float = 0.0
    energy: float = 0.0


PLAIN = Control()


@dataclass(frozen=True)
class SpokenWord:
    """A word as written: its characters in the text that was given, and its units `symbols[first:last]`.

    What is read as several words (1984, $5) is one word here. A word too long for one piece is shared out.
    """

    text: str
    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True)
class Sentence:
    """A stretch that a voice says in one go.

    Every word is preceded by `|`, punctuation follows its word directly. The last symbol is `.`, `?` or `!`; that of a
    piece after which the same sentence goes on (a long one, or a break within) is `,`, `;`, `:` or `–`.

    `spoken` is what is said, in words, without punctuation; single capitals in it are names of letters. `pause` is
    silence to add after it, in seconds. `controls` has one entry a symbol, or none where all are plain. `marks` are
    names and the index of the symbol before which each lies (the number of symbols for the end). `voice` and `language`
    are what SSML asks for, else empty. A sentence without symbols is a pause before anything is said (SSML only).
    """

    symbols: tuple[str, ...]
    words: tuple[SpokenWord, ...]
    spoken: str
    pause: float = 0.0
    controls: tuple[Control, ...] = ()
    marks: tuple[tuple[str, int], ...] = ()
    voice: str = ""
    language: str = ""


@dataclass(frozen=True)
class Said:
    """How a stretch is said when something other than its letters decides: by words to be read, or by units.

    `words` are also what people are told; `,` among them is a short pause.
    """

    words: tuple[str, ...]
    units: tuple[str, ...] | None = None
