"""SSML, the part of it that voices can follow: speak p s break prosody say-as phoneme sub voice lang mark.

The document is read as a whole before anything is said, so that what is wrong with it is told at once, with line and
column. No document type and thus no entities but the five of XML and numeric ones; size and depth are bounded. Tags
that are not known are read through, with a warning.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

from resonet.errors import DataError
from resonet.text.frontend.clean import OPAQUE
from resonet.text.frontend.sentence import PLAIN, Control

MOST_CHARACTERS = 4_000_000
MOST_DEPTH = 64
LONGEST_BREAK = 60.0  # seconds

PARAGRAPH = 0.4  # seconds of silence between paragraphs, beside what the voice itself leaves between sentences
_BREAKS = {"none": 0.0, "x-weak": -1.0, "weak": 0.25, "medium": 0.5, "strong": 1.0, "x-strong": 1.25}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
_PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0}
_VOLUMES = {"silent": -96.0, "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 6.0, "x-loud": 10.0}
_TIME = re.compile(r"\+?(\d{1,9}(?:\.\d{0,6})?|\.\d{1,6})(ms|s)")
_AMOUNT = re.compile(r"([+-]?)(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})(%|st|dB|Hz|)", re.IGNORECASE)
_NOT_READ = frozenset(("metadata", "meta", "desc", "lookup"))
_SILENT = frozenset(("w", "token", "metadata", "meta", "desc", "lookup"))


class Ask(NamedTuple):
    """A stretch whose reading is given. kind: sub (value: the alias), say-as (value: interpret-as, form: format) or
    phoneme (value: ph, form: alphabet); `text` is what stands in the document."""

    kind: str
    value: str
    form: str
    text: str
    where: str


@dataclass
class Flow:
    """Text to be said in one voice and language, up to a pause.

    `text` has OPAQUE for each of `asks` (by place in it, with the place in the data where each ends). `runs` are places
    in `text` and in the data from which on both go in step; `controls` hold from a place in `text` on. `goes_on`: the
    sentence is not over. `pause`: seconds after it.
    """

    voice: str
    language: str
    text: str = ""
    runs: list[tuple[int, int]] = field(default_factory=list)
    asks: dict[int, tuple[Ask, int]] = field(default_factory=dict)
    controls: list[tuple[int, Control]] = field(default_factory=list)
    goes_on: bool = False
    pause: float = 0.0

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Characters `start:end` of the text as a stretch of the data."""
        last = end - 1
        return self._at(start), self.asks[last][1] if last in self.asks else self._at(last) + 1

    def control(self, at: int) -> Control:
        i = bisect_right(self.controls, at, key=lambda control: control[0]) - 1
        return self.controls[i][1] if i >= 0 else PLAIN

    def _at(self, i: int) -> int:
        text, data = self.runs[bisect_right(self.runs, (i, math.inf)) - 1]
        return data + i - text


@dataclass
class Document:
    """`data`: all character data in order; marks are (place in the data, name)."""

    flows: list[Flow]
    marks: list[tuple[int, str]]
    data: str


class _Element(NamedTuple):
    name: str
    control: Control
    voice: str
    language: str
    skipped: bool = False


def parse(
    document: str, speaks: Callable[[str], bool], warn: Callable[[str], None], voices: Mapping[str, str]
) -> Document:
    """Reads a document. `speaks`: whether there is a front end for a language; `warn` gets one sentence a call;
    `voices`: the language of each speaker.

    Raises:
        DataError: the document is no such SSML, with line and column.
    """
    if len(document) > MOST_CHARACTERS:
        raise DataError(
            f"The SSML has {len(document)} characters, at most {MOST_CHARACTERS} are read", "give it in several parts"
        )
    reader = _Reader(speaks, warn, voices)
    try:
        reader.parser.Parse(document, True)
    except expat.ExpatError as error:
        what = expat.ErrorString(error.code)
        raise DataError(
            f"SSML line {error.lineno}, column {error.offset + 1}: {what}", "the document must be well-formed XML"
        ) from None
    except UnicodeEncodeError as error:
        raise DataError(f"The SSML holds half a character (a surrogate) at character {error.start}") from None
    return Document(reader.flows, reader.marks, "".join(reader.data))


class _Reader:
    """The handlers of expat and what they have gathered."""

    def __init__(self, speaks: Callable[[str], bool], warn: Callable[[str], None], voices: Mapping[str, str]) -> None:
        self.speaks = speaks
        self.warn = warn
        self.voices = voices
        self.flows: list[Flow] = []
        self.marks: list[tuple[int, str]] = []
        self.data: list[str] = []
        self.length = 0  # of the data
        self._stack: list[_Element] = []
        self._flow = Flow("", "")
        self._parts: list[str] = []
        self._size = 0  # of the text of the flow
        self._asked: list[tuple[str, Mapping[str, str], int, str, int]] = []  # an open sub, say-as or phoneme
        self._heard: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._doctype
        self.parser.ExternalEntityRefHandler = self._doctype

    @property
    def _where(self) -> str:
        return f"SSML line {self.parser.CurrentLineNumber}, column {self.parser.CurrentColumnNumber + 1}"

    def _wrong(self, what: str, hint: str = "") -> DataError:
        return DataError(f"{self._where}: {what}", hint)

    def _doctype(self, *_: object) -> int:
        raise self._wrong("a document type with its entities is not read", "leave <!DOCTYPE ...> out")

    # Elements.

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self._stack:
            if name != "speak":
                raise self._wrong(f"the document starts with <{tag[:40]}>", "SSML is <speak>...</speak>")
            root = self._with_language(_Element(name, PLAIN, "", ""), attributes)
            self._stack.append(root)
            self._flow = Flow("", root.language, controls=[(0, PLAIN)])
            return
        if len(self._stack) >= MOST_DEPTH:
            raise self._wrong(f"elements are nested deeper than {MOST_DEPTH}")
        outer = self._stack[-1]
        inner = outer._replace(name=name)
        if name in _NOT_READ:
            inner = inner._replace(skipped=True)
        elif outer.skipped:
            pass
        elif name == "mark":
            if not attributes.get("name"):
                raise self._wrong("<mark> has no name", '<mark name="here"/>')
            self.marks.append((self.length, attributes["name"]))
        elif self._asked:
            self.warn(f"{self._where}: <{tag[:40]}> within <{self._asked[-1][0]}> is read through")
        elif name == "break":
            self._break(attributes)
        elif name in ("p", "paragraph", "s", "sentence"):
            self._close()
            inner = self._with_language(inner, attributes)
        elif name == "prosody":
            inner = inner._replace(control=self._prosody(outer.control, attributes))
        elif name in ("say-as", "phoneme", "sub"):
            needed = {"say-as": "interpret-as", "phoneme": "ph", "sub": "alias"}[name]
            if attributes.get(needed) is None:
                raise self._wrong(f"<{name}> has no {needed}")
            self._asked.append((name, attributes, self.length, self._where, len(self._stack)))
            self._heard = []
        elif name == "voice":
            self._close()
            if not attributes.get("name", "").strip():
                self.warn(f"{self._where}: <voice> without a name changes nothing")
            else:
                name = attributes["name"].split()[0]
                language = self.voices.get(name, outer.language)
                inner = inner._replace(voice=name, language=language if self.speaks(language) else outer.language)
            inner = self._with_language(inner, attributes)
        elif name == "lang":
            if not attributes.get("xml:lang"):
                raise self._wrong("<lang> has no xml:lang")
            inner = self._with_language(inner, attributes)
        elif name not in _SILENT:
            self.warn(f"{self._where}: <{tag[:40]}> is not known here and read through")
        self._stack.append(inner)
        self._turn(outer, inner)

    def _end(self, tag: str) -> None:
        inner = self._stack.pop()
        if self._asked and self._asked[-1][4] == len(self._stack):
            self._answer()
        if not self._stack:
            self._close()
            return
        if inner.skipped:
            return
        if inner.name in ("p", "paragraph"):
            self._close(PARAGRAPH)
        elif inner.name in ("s", "sentence", "voice"):
            self._close()
        self._turn(inner, self._stack[-1])

    def _characters(self, data: str) -> None:
        self.data.append(data)
        at = self.length
        self.length += len(data)
        if self._stack[-1].skipped:
            return
        if self._asked:
            self._heard.append(data)
            return
        self._add(data.replace(OPAQUE, "\ufffd").replace("\n", " "), at)

    # The text.

    def _add(self, text: str, at: int) -> None:
        self._flow.runs.append((self._size, at))
        self._parts.append(text)
        self._size += len(text)

    def _turn(self, before: _Element, after: _Element) -> None:
        """What changes between two elements."""
        if (before.voice, before.language) != (after.voice, after.language):
            self._close(goes_on=before.voice == after.voice)
            self._flow.voice, self._flow.language = after.voice, after.language
        if before.control != after.control or not self._flow.controls:
            self._flow.controls.append((self._size, after.control))

    def _close(self, pause: float = 0.0, goes_on: bool = False) -> None:
        """Ends the flow; a pause without any text before it lengthens that of the flow before."""
        flow = self._flow
        flow.text = "".join(self._parts)
        flow.goes_on, flow.pause = goes_on, pause
        control = self._stack[-1].control if self._stack else PLAIN
        if flow.text.strip():
            self.flows.append(flow)
        elif not self.flows:
            if pause:
                flow.text = ""
                self.flows.append(flow)
        else:
            self.flows[-1].pause = min(LONGEST_BREAK, self.flows[-1].pause + pause)
            self.flows[-1].goes_on = self.flows[-1].goes_on and goes_on
        self._flow = Flow(flow.voice, flow.language, controls=[(0, control)])
        self._parts = []
        self._size = 0

    def _answer(self) -> None:
        """An element whose reading is given has ended: it is one character of the text."""
        name, attributes, at, where, _ = self._asked.pop()
        text = "".join(self._heard)
        if name == "sub":
            ask = Ask(name, attributes["alias"], "", text, where)
        elif name == "say-as":
            kind, form = attributes["interpret-as"].strip().lower(), attributes.get("format", "").strip().lower()
            ask = Ask(name, kind, form, text, where)
        else:
            ask = Ask(name, attributes["ph"], attributes.get("alphabet", "ipa").strip().lower(), text, where)
        self._flow.asks[self._size] = (ask, max(at, self.length))
        self._add(OPAQUE, at)

    # Attributes.

    def _with_language(self, element: _Element, attributes: Mapping[str, str]) -> _Element:
        language = attributes.get("xml:lang", "").strip()
        if not language or language == element.language:
            return element
        if not self.speaks(language):
            self.warn(f"{self._where}: this voice does not speak {language[:20]}; it is read as the text around it")
            return element
        return element._replace(language=language)

    def _break(self, attributes: Mapping[str, str]) -> None:
        seconds = 0.5
        if "time" in attributes:
            match = _TIME.fullmatch(attributes["time"].strip())
            if match is None:
                raise self._wrong(
                    f'<break time="{attributes["time"][:20]}"> is no time', 'write time="500ms" or "1.5s"'
                )
            seconds = float(match[1]) / (1000 if match[2] == "ms" else 1)
            if seconds > LONGEST_BREAK:
                raise self._wrong(f"a break of {seconds:g} s is longer than {LONGEST_BREAK:g} s")
        elif "strength" in attributes:
            strength = attributes["strength"].strip()
            if strength not in _BREAKS:
                raise self._wrong(f'<break strength="{strength[:20]}"> is unknown', "known are " + " ".join(_BREAKS))
            seconds = _BREAKS[strength]
        if seconds < 0:
            self._flow.runs.append((self._size, self.length))
            self._parts.append(" , ")
            self._size += 3
        elif seconds:
            self._close(seconds, goes_on=True)

    def _prosody(self, outer: Control, attributes: Mapping[str, str]) -> Control:
        speed, pitch, energy = outer.speed, outer.pitch, outer.energy
        for name, value in attributes.items():
            value = value.strip()
            if name == "rate":
                speed *= self._number(name, value, _RATES, {"%": self._percentage, "": lambda sign, x: x})
            elif name == "pitch":
                pitch += self._number(name, value, _PITCHES, {
                    "st": lambda sign, x: -x if sign == "-" else x,
                    "%": lambda sign, x: 12 * math.log2(self._relative(sign, x)),
                })  # fmt: skip
            elif name == "volume":
                energy += self._number(name, value, _VOLUMES, {
                    "db": lambda sign, x: -x if sign == "-" else x,
                    "%": lambda sign, x: 20 * math.log10(self._relative(sign, x)),
                })  # fmt: skip
            else:
                self.warn(f"{self._where}: {name[:40]} of <prosody> is not followed")
        return Control(min(4.0, max(0.25, speed)), min(24.0, max(-24.0, pitch)), min(24.0, max(-96.0, energy)))

    def _number(
        self, name: str, value: str, labels: Mapping[str, float], units: Mapping[str, Callable[[str, float], float]]
    ) -> float:
        if value in labels:
            return labels[value]
        match = _AMOUNT.fullmatch(value)
        if match is None:
            raise self._wrong(
                f'<prosody {name}="{value[:20]}"> is not understood',
                "write " + " ".join(labels) + ", or a number with " + " or ".join(filter(None, units)),
            )
        unit = match[3].lower()
        if unit not in units:
            self.warn(f'{self._where}: {name}="{value}" is not followed, use {" or ".join(filter(None, units))}')
            return labels["medium"]
        return units[unit](match[1], float(match[2]))

    def _percentage(self, sign: str, amount: float) -> float:
        """Of the rate: 80% and -20% are both four fifths."""
        return self._relative(sign, amount) if sign else max(0.01, amount / 100)

    def _relative(self, sign: str, amount: float) -> float:
        return max(0.01, 1 + (-amount if sign == "-" else amount if sign == "+" else amount - 100) / 100)
