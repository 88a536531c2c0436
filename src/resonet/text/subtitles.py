"""Subtitles: SRT and WebVTT with cues that can be read in time, and TSV with one row a segment.

A cue is at most two lines of 42 characters and 7 seconds (the limits of broadcasters, e.g. the BBC's and Netflix's
guidelines). It ends at pauses and sentences; what is longer is cut where the words leave most room, near the middle.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from resonet.text.transcript import Transcript

LINE = 42  # characters
LINES = 2
LONGEST = 7.0  # seconds of one cue
SHORTEST = 1.0  # seconds that a cue stays, where the next one leaves room
PAUSE = 0.5  # seconds between two words that end a cue
_SENTENCE_ENDS = tuple(".?!…。？！")
_CLAUSE_ENDS = (*_SENTENCE_ENDS, *",;:，；：、")


@dataclass(frozen=True)
class Cue:
    """What is shown at once: start and end in seconds, one or two lines."""

    start: float
    end: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Token:
    """A word, or a piece of one that is longer than a line; `space`: whether a space goes before it."""

    text: str
    start: float
    end: float
    space: bool = True


def srt(transcript: Transcript) -> str:
    """SubRip: numbered cues, times as 00:01:02,345; empty for an empty transcript."""
    blocks = [
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n" + "\n".join(cue.lines) + "\n"
        for number, cue in enumerate(cues(transcript), 1)
    ]
    return "\n".join(blocks)


def vtt(transcript: Transcript) -> str:
    """WebVTT: the head, then cues with `&`, `<` and `>` escaped."""
    blocks = ["WEBVTT\n"]
    for cue in cues(transcript):
        text = "\n".join(cue.lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{text}\n")
    return "\n".join(blocks)


def tsv(transcript: Transcript) -> str:
    """A head, then a row a segment: start, end (seconds, three decimals) and text, with tabs between."""
    rows = [(s.start, s.end, _clean(s.text)) for s in transcript.segments]
    if not rows and _clean(transcript.text):
        rows = [(0.0, transcript.duration, _clean(transcript.text))]
    return "start\tend\ttext\n" + "".join(f"{start:.3f}\t{end:.3f}\t{text}\n" for start, end, text in rows)


def cues(transcript: Transcript) -> list[Cue]:
    """The cues of a transcript in order; whole milliseconds, none empty, none overlaps the next."""
    groups = [part for run in _runs(_tokens(transcript)) for part in _cut(run)]
    result: list[Cue] = []
    free_from = 0  # milliseconds
    for i, group in enumerate(groups):
        start = max(round(group[0].start * 1000), free_from)
        end = min(round(group[-1].end * 1000), start + round(LONGEST * 1000))
        limit = groups[i + 1][0].start if i + 1 < len(groups) else max(transcript.duration, group[-1].end)
        end = max(end, min(round(limit * 1000), start + round(SHORTEST * 1000)), start + 1)
        result.append(Cue(start / 1000, end / 1000, _wrap(group) or (_join(group),)))
        free_from = end
    return result


def _tokens(transcript: Transcript) -> list[_Token]:
    """The words with their times; where there are none, those of the segments, spread evenly by characters."""
    if transcript.words:
        timed = [(_clean(word.word), word.start, word.end) for word in transcript.words]
    else:
        segments = [(s.text, s.start, s.end) for s in transcript.segments]
        timed = [
            (piece, start, end)
            for text, from_, to in segments or [(transcript.text, 0.0, transcript.duration)]
            for piece, start, end in _spread(_clean(text).split(), from_, to)
        ]
    tokens = []
    for text, start, end in timed:
        pieces = _spread(_pieces(text), start, max(start, end))
        tokens += [_Token(piece, from_, to, space=i == 0) for i, (piece, from_, to) in enumerate(pieces)]
    return tokens


def _spread(texts: Sequence[str], start: float, end: float) -> Iterator[tuple[str, float, float]]:
    """Divides the time among texts in proportion to their length."""
    total, done = sum(map(len, texts)), 0
    for text in texts:
        from_ = start + (end - start) * done / total
        done += len(text)
        yield text, from_, start + (end - start) * done / total


def _pieces(text: str) -> list[str]:
    """Cuts what is longer than a line (Chinese, say, has no spaces) into lines; accents stay with their letter."""
    pieces = []
    while len(text) > LINE:
        at = LINE
        while at > 1 and unicodedata.combining(text[at]):
            at -= 1
        pieces.append(text[:at])
        text = text[at:]
    return [*pieces, text] if text else pieces


def _runs(tokens: Sequence[_Token]) -> Iterator[list[_Token]]:
    """Words between pauses and ends of sentences."""
    run: list[_Token] = []
    for token in tokens:
        if run and (token.start - run[-1].end >= PAUSE or (token.space and run[-1].text.endswith(_SENTENCE_ENDS))):
            yield run
            run = []
        run.append(token)
    if run:
        yield run


def _cut(run: list[_Token]) -> Iterator[list[_Token]]:
    """Halves a run until each part is a cue."""
    waiting = [run]
    while waiting:
        part = waiting.pop()
        fits = _wrap(part) is not None and part[-1].end - part[0].start <= LONGEST
        if fits or len(part) == 1:
            yield part
        else:
            at = _best_cut(part)
            waiting += [part[at:], part[:at]]


def _best_cut(part: Sequence[_Token]) -> int:
    """Index of the token that starts the second half: near the middle, after a comma, where the gap is large."""
    lengths = [len(token.text) + token.space for token in part]
    total, left = sum(lengths), 0
    best, best_cost = 1, float("inf")
    for i in range(1, len(part)):
        left += lengths[i - 1]
        unbalance = abs(2 * left - total) / total
        # 0.2 s of silence, or a comma, outweighs a cut 20 % off the middle.
        gap = max(0.0, part[i].start - part[i - 1].end)
        cost = unbalance - gap - 0.2 * part[i - 1].text.endswith(_CLAUSE_ENDS) + (0.5 if not part[i].space else 0.0)
        # Cuts in the outer quarters would leave crumbs (and unbounded depth).
        if cost + (10 if unbalance > 0.5 else 0) < best_cost:
            best, best_cost = i, cost + (10 if unbalance > 0.5 else 0)
    return best


def _wrap(tokens: Sequence[_Token]) -> tuple[str, ...] | None:
    """One line if it fits, else the two of most equal length; None where two lines do not hold the text."""
    whole = _join(tokens)
    if len(whole) <= LINE:
        return (whole,)
    if len(whole) > LINES * LINE + 1:
        return None
    pairs = [(_join(tokens[:i]), _join(tokens[i:])) for i in range(1, len(tokens))]
    fitting = [pair for pair in pairs if max(map(len, pair)) <= LINE]
    return min(fitting, key=lambda pair: abs(len(pair[0]) - len(pair[1]))) if fitting else None


def _join(tokens: Sequence[_Token]) -> str:
    return "".join(" " * token.space + token.text for token in tokens).lstrip(" ")


def _clean(text: str) -> str:
    """One line: no control characters, single spaces. A blank line would end a cue, a tab a column."""
    return " ".join("".join(c if c.isspace() or unicodedata.category(c) != "Cc" else "" for c in text).split())


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"
