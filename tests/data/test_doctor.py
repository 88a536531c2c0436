"""The doctor finds each planted fault, by its kind, its weight and its name, and has nothing to say of good data."""

from __future__ import annotations

import html.parser
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_corpora import tone

from resonet.data import doctor
from resonet.data.doctor_page import page
from resonet.data.findings import Findings
from resonet.data.measures import measure_all
from resonet.data.prepare import Skipped
from resonet.data.utterance import Utterance


@pytest.fixture
def patient(tmp_path: Path, write):
    """patient(seconds=, samples=, text=, ...) gives one utterance of a recording made for it."""
    made = 0

    def make(
        text: str = "a few words", seconds: float = 1.0, speaker: str = "", rate: int = 16000, **more
    ) -> Utterance:
        nonlocal made
        made += 1
        path = write(tmp_path / f"{made}.wav", seconds, rate=rate, samples=more.pop("samples", None))
        return Utterance(f"u{made}", path, text, speaker or f"c/s{made}", **more)

    return make


def kinds(findings: Findings) -> dict[str, str]:
    return {finding.kind: finding.severity for finding in findings.findings}


def names(findings: Findings, kind: str) -> list[str]:
    return next(list(finding.names) for finding in findings.findings if finding.kind == kind)


def test_good_data(patient) -> None:
    found = doctor.examine({"train": [patient("one and two"), patient("three four")], "dev": [patient("five six")]})
    assert found.findings == ()
    assert found.unusable == frozenset()
    assert "Nothing to complain about." in found.as_text()
    assert (found.splits["train"].utterances, found.splits["train"].words) == (2, 5)
    assert sum(found.histograms["duration"].counts) == 3


@pytest.mark.parametrize(
    ("fault", "kind", "severity"),
    [
        ({"samples": np.zeros(16000, np.float32)}, "silent", "error"),
        ({"samples": np.sign(tone(1.0, 0.5)).astype(np.float32)}, "clipped", "warning"),
        ({"seconds": 31.0, "text": "a word " * 20}, "too long", "warning"),
        ({"seconds": 0.2, "text": "ah"}, "too short", "warning"),
        ({"rate": 8000}, "low sample rate", "warning"),
        ({"samples": np.stack([tone(1.0), tone(1.0)], 1)}, "several channels", "note"),
        ({"text": ""}, "empty text", "warning"),
        ({"text": " -- !"}, "empty text", "warning"),
        ({"text": "call 911 now"}, "outside the vocabulary", "warning"),
        ({"text": "ten % off"}, "spoken symbols", "warning"),
        ({"text": "many words in one second can not be"}, "speaking rate", "warning"),
        ({"text": "so slow", "seconds": 10.0}, "speaking rate", "warning"),
        ({"text": "a b c d e f g h i j k l m n o p q"}, "too many labels", "error"),
    ],
)
def test_one_planted_fault(patient, fault: dict, kind: str, severity: str) -> None:
    good, bad = patient("as it should be"), patient(**fault)
    found = doctor.examine({"train": [good, bad]}, frame_shift=0.04)
    assert kinds(found).get(kind) == severity
    assert all(name.startswith(bad.id) for name in names(found, kind))
    assert not any(name.startswith(good.id) for finding in found.findings for name in finding.names)
    assert found.as_text().count("->") == len(found.findings)


def test_unreadable_recordings(tmp_path: Path, patient) -> None:
    missing = Utterance("gone", tmp_path / "gone.wav", "a text", "c/s")
    text = tmp_path / "text.wav"
    text.write_text("this is no sound")
    numbers = patient(samples=np.zeros(8000, np.float32))
    cut = patient(seconds=2.0)
    cut.audio.write_bytes(cut.audio.read_bytes()[:30000])
    import soundfile

    soundfile.write(numbers.audio, np.full(8000, np.nan, np.float32), 16000, subtype="FLOAT")
    bad = [missing, Utterance("text", text, "a text", "c/s"), numbers, cut]
    found = doctor.examine({"train": [*bad, patient()]})
    assert kinds(found)["unreadable"] == "error"
    assert [name.split(":")[0] for name in names(found, "unreadable")] == [u.id for u in bad]
    assert found.unusable == {u.id for u in bad}


def test_a_recording_shorter_than_its_cut(patient) -> None:
    u = patient(seconds=1.0, start=0.0, end=2.0)
    for quick in (True, False):
        found = doctor.examine({"train": [u]}, quick=quick)
        assert "ends after 1.000 s where 2.000 s are needed" in names(found, "unreadable")[0]


def test_ctc_needs_a_blank_between_equal_labels(patient) -> None:
    # 1 s at 100 ms: ten frames. Nine letters fit, but "aabb" twice needs blanks.
    fits, repeats = patient("abcdefghij"), patient("aabbaabbc")
    found = doctor.examine({"train": [fits, repeats]}, frame_shift=0.1)
    assert names(found, "too many labels") == [f"{repeats.id}: 13 frames needed, 10 there"]
    assert found.unusable == {repeats.id}
    # An id may hold what separates it from its figure.
    odd = replace(repeats, id="a: b: c")
    assert doctor.examine({"train": [fits, odd]}, frame_shift=0.1).unusable == {odd.id}
    # With units of whole words both fit.
    words = doctor.examine({"train": [fits, repeats]}, frame_shift=0.1, units_of=lambda text: [1])
    assert "too many labels" not in kinds(words)


def test_allowed_symbols(patient) -> None:
    u = patient("naïve café", language="de")
    assert "outside the vocabulary" not in kinds(doctor.examine({"train": [u]}))
    found = doctor.examine({"train": [u]}, allowed_symbols="abcdefghijklmnopqrstuvwxyz")
    assert names(found, "outside the vocabulary") == [f"{u.id}: é ï"]


def test_the_same_recording(patient) -> None:
    sound = tone(1.0, seed=7)
    one, two, three = (patient(f"text number {n}", samples=sound) for n in ("one", "two", "three"))
    found = doctor.examine({"train": [one, two]})
    assert names(found, "same recording twice") == [f"{one.id} = {two.id}"]
    across = doctor.examine({"train": [one], "test": [three]})
    assert kinds(across)["same recording in two splits"] == "error"


def test_the_same_sentence(patient) -> None:
    one = patient("Hello, you!", speaker="c/a")
    two = patient("hello you", speaker="c/a")
    other = patient("hello you", speaker="c/b")
    found = doctor.examine({"train": [one, two, other]})
    assert names(found, "same sentence by the same speaker") == [f"{one.id} = {two.id}"]
    across = doctor.examine({"train": [one], "test": [other]})
    assert kinds(across)["sentence in two splits"] == "note"


def test_speakers_in_two_splits(patient) -> None:
    train = [patient("one word", speaker="c/a"), patient("two words", speaker="c/b"), patient("x y", speaker="lone/r")]
    dev = [patient("three words", speaker="c/a"), patient("z z", speaker="lone/r"), patient("u u", speaker="c/unknown")]
    found = doctor.examine({"train": [*train, patient("v v", speaker="c/unknown")], "dev": dev})
    assert names(found, "speaker in two splits") == ["c/a: dev, train"]
    assert names(found, "one voice in all splits") == ["lone/r: dev, train"]


def test_unusual_rates_need_many_to_compare_with(patient) -> None:
    words = "some words that are here"
    usual = [patient(words, seconds=1.5 + 0.01 * (i % 7)) for i in range(60)]
    slow = patient(words, seconds=8.0)
    found = doctor.examine({"train": [*usual, slow]}, quick=True)
    assert names(found, "unusual rate") == [f"{slow.id}: {len(words) / 8:.1f}"]
    assert kinds(doctor.examine({"train": [*usual[:10], slow]}, quick=True)).get("unusual rate") is None


def test_quick_reads_headers_alone(patient) -> None:
    found = doctor.examine({"train": [patient(samples=np.zeros(16000, np.float32)), patient(seconds=0.1)]}, quick=True)
    assert "silent" not in kinds(found)
    assert "too short" in kinds(found)
    assert set(found.histograms) == {"duration", "rate"}


def test_what_prepare_left_out_is_reported(patient) -> None:
    found = doctor.examine({"train": [patient()]}, skipped=[Skipped("t.tsv: line 2", "a.wav does not exist")])
    assert names(found, "left out") == ["t.tsv: line 2: a.wav does not exist"]


def test_lhotse_cuts_are_examined_too(tmp_path: Path, table_corpus) -> None:
    pytest.importorskip("lhotse")
    from resonet.data import load
    from resonet.data.prepare import prepare

    prepare(table_corpus({"a": 2, "b": 1}), tmp_path / "out", as_="train")
    cuts = doctor.examine({"train": load.load(tmp_path / "out", "train")})
    plain = doctor.examine({"train": load.utterances(tmp_path / "out", "train")})
    assert cuts.as_dict() == plain.as_dict()


def test_segments_of_a_long_recording(tmp_path: Path, write) -> None:
    """Cut across decoded blocks of 30 s, with gaps and overlaps, unsorted: the very samples of the file."""
    samples = tone(95.0, seed=3)
    path = write(tmp_path / "long.wav", samples=samples)
    spans = [(70.0, 94.9), (0.5, 1.0), (29.0, 31.5), (30.5, 31.0), (64.0, 64.5)]
    items = [Utterance(f"u{i}", path, "t", start=start, end=end) for i, (start, end) in enumerate(spans)]
    short = write(tmp_path / "short.wav", samples=samples[int(30.5 * 16000) : int(31.0 * 16000)])
    measured = {m.utterance.id: m for m in measure_all([*items, Utterance("same", short, "t")])}
    assert measured["u3"].sound == measured["same"].sound
    for i, (start, end) in enumerate(spans):
        assert measured[f"u{i}"].seconds == pytest.approx(end - start, abs=1e-4)
        assert not measured[f"u{i}"].fault


def test_json_and_page(patient) -> None:
    bad = patient("call 911 <b>&</b>")
    found = doctor.examine({"train": [bad, patient()], "dev": [patient()]})
    told = json.loads(json.dumps(found.as_dict()))
    assert {"splits", "findings", "histograms", "medians"} == set(told)
    assert {"kind", "severity", "count", "message", "names", "advice"} == set(told["findings"][0])
    text = page(found, "my <data>")
    assert "my &lt;data&gt;" in text
    assert text.count("<svg") == len(found.histograms) == 4
    assert "<script" not in text
    assert "http" not in text

    class Balanced(html.parser.HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag, attrs) -> None:
            if tag != "meta":
                self.open.append(tag)

        def handle_endtag(self, tag) -> None:
            assert self.open.pop() == tag

    parser = Balanced()
    parser.feed(text)
    assert parser.open == []


def test_the_text_shows_ten_names_and_the_json_all(patient) -> None:
    found = doctor.examine({"train": [patient(text=f"{n} times") for n in range(15)]}, quick=True)
    (finding,) = [f for f in found.findings if f.kind == "outside the vocabulary"]
    assert finding.count == len(finding.as_dict()["names"]) == 15
    assert "and 5 more" in found.as_text()
