"""A whole evaluation with a recognizer whose errors are known."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from resonet.errors import AudioError, DataError, MissingExtra, UsageError
from resonet.evaluate import compare, recognition, references
from resonet.evaluate.metrics.word_errors import Counts
from resonet.evaluate.references import Reference
from resonet.text.transcript import Transcript, Word


class Scripted:
    """Gives the answers it was made with, in order."""

    def __init__(self, *answers: Any) -> None:
        self.answers = answers

    def transcribe_many(self, paths: Sequence[Path]) -> Iterator[tuple[Path, Any]]:
        yield from zip(paths, self.answers, strict=False)


def said(text: str, *words: tuple[str, float]) -> Transcript:
    return Transcript(text, tuple(Word(w, 0.0, 0.1, c) for w, c in words), (), 1.0, "en")


def test_counts_groups_and_words(corpus: Path, parrot: Any) -> None:
    # 3 + 3 + 3 + 2 words: THE>A, NOW deleted, A inserted.
    result = recognition.score(parrot(), references.read(corpus), name="b", data="d")
    assert result.whole.words == Counts(11, 1, 1, 1)
    assert result.whole.utterances == 4
    assert result.whole.median_wer == pytest.approx(1 / 3)
    assert result.whole.interval is not None
    assert result.whole.interval.low <= 3 / 11 <= result.whole.interval.high
    assert {k: v.words.errors for k, v in result.groups["subset"].items()} == {"easy": 1, "hard": 2}
    assert {k: v.words.units for k, v in result.groups["speaker"].items()} == {"ann": 6, "bob": 5}
    assert {k: v.words.units for k, v in result.groups["gender"].items()} == {"F": 6, "M": 5}
    assert list(result.groups["length"]) == ["under 2 s", "2 to 5 s", "5 to 10 s"]
    assert (result.confused, result.deleted, result.inserted) == ((("THE", "A", 1),), (("NOW", 1),), (("A", 1),))
    assert result.speed.audio_seconds == pytest.approx(0.5 + 2.5 + 4.5 + 6.5)
    assert result.speed.wall_seconds > 0
    assert result.vocabulary is None
    assert result.calibration is not None
    assert (result.calibration.words, result.calibration.accuracy) == (11, pytest.approx(9 / 11))


def test_every_value_of_a_column_counts_once(corpus: Path, parrot: Any) -> None:
    result = recognition.score(parrot(), references.read(corpus), by=["subset"])
    assert set(result.groups) == {"length", "speaker", "subset"}
    for groups in result.groups.values():
        assert sum(r.words.units for r in groups.values()) == result.whole.words.units
        assert sum(r.words.errors for r in groups.values()) == result.whole.words.errors
    with pytest.raises(UsageError, match="no column 'accent'"):
        recognition.score(parrot(), references.read(corpus), by=["accent"])


def test_a_perfect_recognizer_has_no_errors(corpus: Path, parrot: Any) -> None:
    found = references.read(corpus)
    result = recognition.score(parrot({r.path.name: r.text.lower() for r in found}), found)
    assert (result.whole.words.errors, result.whole.characters.errors) == (0, 0)
    assert result.whole.interval is not None
    assert (result.whole.interval.low, result.whole.interval.high) == (0, 0)
    assert result.calibration is not None
    assert result.calibration.auc is None


def test_words_that_the_lexicon_lacks(corpus: Path, parrot: Any) -> None:
    known = {"the", "cat", "sat", "on", "mat", "don't", "look", "good"}
    result = recognition.score(parrot(), references.read(corpus), vocabulary=known)
    assert result.vocabulary is not None
    assert result.vocabulary.rate == pytest.approx(2 / 11)
    assert set(result.vocabulary.most) == {("NOW", 1), ("MORNING", 1)}
    assert result.vocabulary.share_of_errors == pytest.approx(1 / 2)  # NOW of NOW and THE


@pytest.mark.parametrize("bad", [["1.wav"], ["3.wav"], ["4.wav"], ["1.wav", "2.wav", "4.wav"]])
def test_recordings_that_cannot_be_read_are_named_and_the_rest_goes_on(
    corpus: Path, parrot: Any, bad: list[str]
) -> None:
    result = recognition.score(parrot(bad=bad), references.read(corpus))
    assert [Path(file).name for file, _ in result.failures] == bad
    assert all("is no audio" in reason for _, reason in result.failures)
    assert result.whole.utterances == 4 - len(bad)


def test_errors_and_missing_answers(corpus: Path) -> None:
    found = references.read(corpus)[:2]
    answers = [said("the cat sat"), AudioError("2.wav is cut off")]
    result = recognition.score(Scripted(*answers), found)
    assert result.failures == ((str(found[1].path), "2.wav is cut off"),)
    assert result.whole.words == Counts(3, 0, 0, 0)
    with pytest.raises(DataError, match="gave 1 transcripts for 2 recordings"):
        recognition.score(Scripted(answers[0]), found)
    with pytest.raises(DataError, match="None of 1 recordings could be read"):
        recognition.score(Scripted(answers[1]), found[:1])


def test_a_missing_extra_is_told_before_the_work(corpus: Path, parrot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jiwer", None)
    recognizer = parrot()
    with pytest.raises(MissingExtra, match=r"\[evaluate\]"):
        recognition.score(recognizer, references.read(corpus))
    assert recognizer.asked == []


def test_nothing_to_score(corpus: Path, parrot: Any) -> None:
    with pytest.raises(DataError, match="any words"):
        recognition.score(parrot(), [replace(r, text="...") for r in references.read(corpus)])


def test_confidence_goes_to_the_words_as_scored() -> None:
    # A word of the transcript may be two in the scoring form, or none.
    answer = said("Well-known cat !", ("Well-known", 0.8), ("cat", 0.2), ("!", 0.5))
    result = recognition.score(Scripted(answer), [Reference(Path("x.wav"), "well known hat")])
    assert result.calibration is not None
    assert (result.calibration.words, result.calibration.auc) == (3, 1.0)
    assert result.calibration.gap == pytest.approx(0.6)
    assert result.utterances[0].confidence == pytest.approx(0.6)
    # Words that do not fit the text are no measure of it.
    apart = recognition.score(Scripted(said("a b", ("a", 0.5))), [Reference(Path("x.wav"), "a b")])
    assert apart.calibration is None


def test_stretches_of_a_recording_are_cut(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.linspace(0, 0.8, 4 * 16000, dtype=np.float32), 16000)

    class Ear:
        """Hears how long a file is and how loud it begins."""

        def transcribe_many(self, paths: Sequence[Path]) -> Iterator[tuple[Path, Transcript]]:
            for path in paths:
                samples, rate = soundfile.read(path)
                yield path, replace(said(f"{len(samples) / rate:.0f} {samples[0]:.1f}"), duration=len(samples) / rate)

    def stretch(start: float, seconds: float, text: str) -> Reference:
        return Reference(tmp_path / "long.wav", text, "", seconds, start, whole=False)

    found = [stretch(0, 1, "1 0 0"), stretch(2, 2, "2 0 4"), Reference(tmp_path / "long.wav", "4 0 0")]
    result = recognition.score(Ear(), found)
    assert result.whole.words.errors == 0
    assert [u.file for u in result.utterances] == [str(tmp_path / "long.wav")] * 3
    gone = recognition.score(
        Scripted(said("1 0 0"), AudioError("gone.wav is not there")),
        [found[0], replace(found[1], path=tmp_path / "gone.wav")],
    )
    assert gone.failures == ((str(tmp_path / "gone.wav"), "gone.wav is not there"),)


def test_the_dictionary_is_json(corpus: Path, parrot: Any) -> None:
    result = recognition.score(parrot(), references.read(corpus), name="b", data="d", vocabulary={"the"})
    told = json.loads(json.dumps(result.as_dict(utterances=True), allow_nan=False))
    assert told["wer_percent"] == pytest.approx(27.27)
    assert told["by"]["subset"]["hard"]["insertions"] == 1
    assert [u["hypothesis"] for u in told["utterances_scored"]][3] == "A GOOD MORNING"
    # Words heard where nothing was said have no rate.
    silent = recognition.score(Scripted(said("a"), said("b")), [Reference(Path("x"), ""), Reference(Path("y"), "b")])
    assert silent.whole.words == Counts(1, 0, 0, 1)
    json.dumps(silent.as_dict(utterances=True), allow_nan=False)


def test_two_bundles_side_by_side(corpus: Path, parrot: Any, heard: dict[str, str]) -> None:
    found = references.read(corpus)
    first = recognition.score(parrot(), found, name="first")
    perfect = recognition.score(parrot({r.path.name: r.text for r in found}), found, name="perfect")
    alike = recognition.score(parrot(), found, name="alike")
    a, b, c = compare.side_by_side([first, perfect, alike])
    assert (a.against_first, a.verdict, a.as_dict()) == (None, "", {})
    assert b.against_first is not None
    assert b.against_first.difference == pytest.approx(-3 / 11)
    assert b.as_dict()["wer_difference_percent"] == pytest.approx(-27.27)
    assert c.verdict == "no clear difference"
    other = recognition.score(Scripted(said("x")), [Reference(Path("other.wav"), "x")])
    assert compare.side_by_side([first, other])[1].against_first is None


@pytest.mark.parametrize(
    ("seconds", "name"), [(0, "under 2 s"), (2, "2 to 5 s"), (19.9, "10 to 20 s"), (20, "20 s and more")]
)
def test_length_bins(seconds: float, name: str) -> None:
    assert recognition.length_bin(seconds) == name
