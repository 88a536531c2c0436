"""Subtitles: cues that can be read, times that never go back, no word lost, valid SRT, WebVTT and TSV."""

from __future__ import annotations

import html
import re
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonet.text.subtitles import LINE, LINES, LONGEST, cues, srt, tsv, vtt
from resonet.text.transcript import Segment, Transcript, Word


def spoken(*timed: tuple[str, float, float], duration: float = 0.0) -> Transcript:
    words = tuple(Word(text, start, end, 0.9) for text, start, end in timed)
    text = " ".join(word.word for word in words)
    end = max([duration, *(word.end for word in words)])
    segments = (Segment(words[0].start, end, text),) if words else ()
    return Transcript(text, words, segments, end, "en")


def steady(text: str, each: float = 0.3, start: float = 0.0, gap: float = 0.0) -> Transcript:
    return spoken(*((w, start + i * each, start + (i + 1) * each - gap) for i, w in enumerate(text.split())))


def texts(transcript: Transcript) -> list[str]:
    return [" / ".join(cue.lines) for cue in cues(transcript)]


def test_short_text_is_one_cue() -> None:
    assert srt(steady("hello world")) == "1\n00:00:00,000 --> 00:00:00,600\nhello world\n"
    assert vtt(steady("hello world")) == "WEBVTT\n\n00:00:00.000 --> 00:00:00.600\nhello world\n"
    assert tsv(steady("hello world")) == "start\tend\ttext\n0.000\t0.600\thello world\n"


def test_nothing_said() -> None:
    empty = Transcript("", (), (), 3.0, "en")
    assert (srt(empty), vtt(empty), tsv(empty)) == ("", "WEBVTT\n", "start\tend\ttext\n")


def test_a_pause_ends_a_cue() -> None:
    words = spoken(("one", 0, 0.3), ("two", 0.35, 0.7), ("three", 1.2, 1.5), ("four", 1.99, 2.3))
    assert texts(words) == ["one two", "three four"]


def test_a_sentence_ends_a_cue() -> None:
    assert texts(steady("Is it? Yes. It is, 3.5 times")) == ["Is it?", "Yes.", "It is, 3.5 times"]


def test_two_lines_of_like_length() -> None:
    assert texts(steady("the quick brown fox jumps over the lazy dog again", 0.2)) == [
        "the quick brown fox jumps / over the lazy dog again"
    ]


def test_long_speech_is_cut_where_the_words_leave_room() -> None:
    run = "a speaker who hardly stops to breathe may go on for more than seven seconds in one run of words"
    timed, at = [], 0.0
    for word in run.split():
        timed.append((word, at, at + 0.4))
        at += 0.75 if word == "on" else 0.42  # a short breath
    assert texts(spoken(*timed))[0].endswith(" go on")
    assert all(cue.end - cue.start <= LONGEST for cue in cues(spoken(*timed)))


def test_a_cut_comes_after_a_comma() -> None:
    text = "we walked along the narrow path by the river, then turned back to the village where we had left the old car"
    assert texts(steady(text, 0.25))[0].endswith("river,")


def test_a_short_cue_stays_for_a_second_where_there_is_room() -> None:
    first, second, third = cues(spoken(("yes", 1.0, 1.2), ("no", 1.8, 1.9), ("so", 5.0, 5.1), duration=5.4))
    assert (first.start, first.end) == (1.0, 1.8)
    assert (second.start, second.end) == (1.8, 2.8)
    assert (third.start, third.end) == (5.0, 5.4)


def test_a_word_longer_than_a_cue() -> None:
    (cue,) = cues(spoken(("hm", 3.0, 30.0)))
    assert (cue.start, cue.end) == (3.0, 10.0)


def test_text_without_spaces_is_cut_into_lines() -> None:
    text = "今天天气很好" * 20
    shown = cues(spoken((text, 0.0, 12.0)))
    assert "".join(line for cue in shown for line in cue.lines) == text
    assert max(len(line) for cue in shown for line in cue.lines) <= LINE


def test_accents_stay_with_their_letter() -> None:
    lines = [line for cue in cues(spoken(("e\u0301" * 50, 0, 3))) for line in cue.lines]
    assert len(lines) > 2 and not any(line.startswith("\u0301") for line in lines)


def test_webvtt_is_escaped() -> None:
    text = "a<b> & c --> d &amp;"
    shown = vtt(steady(text)).split("\n", 3)[3].strip()
    assert html.unescape(shown) == text and "<" not in shown and "-->" not in shown


def test_no_line_or_tab_gets_into_a_text() -> None:
    words = spoken(("a\n\nb", 0, 1), ("c\td\u2028e", 1, 2), ("\0f\x1b", 2, 3))
    assert texts(words) == ["a b c d e f"]
    assert tsv(words).splitlines()[1] == "0.000\t3.000\ta b c d e f"


def test_without_words_the_segments_are_spread() -> None:
    segments = (Segment(0.0, 2.0, "one two"), Segment(4.0, 14.0, "many words " * 12))
    shown = cues(Transcript("", (), segments, 20.0, "en"))
    assert shown[0].lines == ("one two",) and (shown[0].start, shown[0].end) == (0.0, 2.0)
    assert shown[1].start == 4.0 and shown[-1].end == 14.0
    assert texts(Transcript("only text", (), (), 2.0, "en")) == ["only text"]
    assert tsv(Transcript("only text", (), (), 2.0, "en")).splitlines()[1] == "0.000\t2.000\tonly text"


def test_hours() -> None:
    assert "101:01:01,500 --> 101:01:02,000" in srt(spoken(("late", 363661.5, 363662.0)))
    assert "00:01:00.000" in vtt(spoken(("x", 59.9999, 61.0)))


def test_an_hour_of_speech_without_a_pause_is_quick() -> None:
    started = time.perf_counter()
    shown = cues(steady("word another " * 6000, 0.3))
    assert len(shown) > 500 and time.perf_counter() - started < 5


gaps = st.one_of(st.just(0.0), st.floats(-0.2, 2.0))
words = st.lists(
    st.tuples(st.text(min_size=1, max_size=12) | st.sampled_from(["a.", "b,", "c" * 60]), gaps, st.floats(0.0, 9.0)),
    max_size=40,
)


@given(words)
def test_any_words(drawn: list[tuple[str, float, float]]) -> None:
    at, timed = 0.0, []
    for text, gap, length in drawn:
        start = max(0.0, at + gap)
        at = start + length
        timed.append((text, start, at))
    transcript = spoken(*timed)
    shown = cues(transcript)
    assert all(len(cue.lines) <= LINES and all(0 < len(line) <= LINE for line in cue.lines) for cue in shown)
    assert all(cue.start < cue.end <= cue.start + LONGEST + 0.001 for cue in shown)
    assert all(before.end <= after.start for before, after in pairwise(shown))
    squeezed = "".join("".join(cue.lines) for cue in shown).replace(" ", "")
    wanted = "".join(c for c in transcript.text if c.isspace() or not re.match(r"[\x00-\x1f\x7f-\x9f]", c))
    assert squeezed == "".join(wanted.split())
    blocks = [block for block in re.split(r"\n\n", srt(transcript).strip("\n")) if block]
    assert len(blocks) == len(shown)
    assert vtt(transcript).count("-->") == len(shown)
    assert all(row.count("\t") == 2 for row in tsv(transcript).split("\n")[1:-1])


@pytest.mark.parametrize("form", [srt, vtt, tsv])
def test_every_form_ends_with_one_newline(form) -> None:
    text = form(steady("some words " * 30))
    assert text.endswith("\n") and not text.endswith("\n\n") and "\r" not in text
