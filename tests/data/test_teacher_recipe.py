"""The recipe of the teacher (bundles/en-multi/recipe): its phones, its sentences, and going on after a kill."""

import importlib
import itertools
import lzma
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

RECIPE = Path(__file__).parents[2] / "bundles/en-multi/recipe"
DICTIONARY = """\
;;; a remark
a AH0
a(2) EY1
apple AE1 P AH0 L
button B AH1 T AH0 N
city S IH1 T IY0
even IY1 V IH0 N
fire F AY1 ER0
for F AO1 R
go G OW1
here HH IY1 R # now
i AY1
it IH1 T
it's IH1 T S
lead L EH1 D
man M AE1 N
one W AH1 N
roses R OW1 Z IH0 Z
see S IY1
the DH AH0
to T UW1
two T UW1
understand AH2 N D ER0 S T AE1 N D
wanted W AA1 N T IH0 D
was W AA1 Z
well W EH1 L
yes Y EH1 S
"""


@pytest.fixture(scope="module")
def recipe():
    """The three modules of the recipe, which are found by the script's own folder only."""
    sys.path.insert(0, str(RECIPE))
    try:
        yield [importlib.import_module(name) for name in ("teacher", "teacher_sentences", "teacher_phones")]
    finally:
        sys.path.remove(str(RECIPE))


@pytest.fixture
def dictionary(recipe, tmp_path):
    file = tmp_path / "small.dict"
    file.write_text(DICTIONARY, encoding="utf-8")
    return recipe[2].Dictionary(file)


@pytest.mark.parametrize(
    ("arpabet", "expected"),
    [
        ("K AO1 F IY0", "kˈɔfi"),
        ("AH2 N D ER0 S T AE1 N D", "ˌʌndəɹstˈænd"),
        ("B ER1 D", "bˈɜɹd"),
        ("S IH1 T IY0", "sˈɪTi"),
        ("TH ER1 T IY0", "θˈɜɹTi"),
        ("AH0 T AE1 K", "ətˈæk"),
        ("B AH1 T AH0 N", "bˈʌtᵊn"),
        ("B AA1 T AH0 L", "bˈɑTᵊl"),
        ("T R EY1 N IH0 NG", "tɹˈAnɪŋ"),
        ("R OW1 Z IH0 Z", "ɹˈOzᵻz"),
        ("W AA1 N T IH0 D", "wˈɑntᵻd"),
        ("HH IY1 R", "hˈɪɹ"),
        ("CH OY1 S", "ʧˈYs"),
        ("JH AH1 JH", "ʤˈʌʤ"),
        ("N EY1 SH AH0 N", "nˈAʃən"),
        ("AW1 ER0", "ˈWəɹ"),
        ("AY1 S", "ˈIs"),
        ("P L EH1 ZH ER0", "plˈɛʒəɹ"),
    ],
)
def test_words(recipe, arpabet, expected):
    assert recipe[2].word_phones(arpabet.split()) == expected


def test_every_phone_has_a_symbol_of_the_teacher(recipe):
    from resonet.text.phones import ARPABET

    teacher, _, phones = recipe
    vowels = {p for p in ARPABET if p[0] in "AEIOU"}
    every = [p + stress for p in vowels for stress in "012"] + [p for p in ARPABET if p not in vowels]
    for before, phone, after in itertools.product(every, repeat=3):
        assert set(phones.word_phones((before, phone, after))) <= set(teacher.SYMBOLS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Well, go to it!", "wˈɛl, ɡˈO tʊ ˈɪt!"),
        ("The man wanted the apple.", "ðə mˈæn wˈɑntᵻd ði ˈæpᵊl."),
        ("See to a city – it's here.", "sˈi tʊ ɐ sˈɪTi — ɪts hˈɪɹ."),
        ("I was here for two.", "ˌI wʌz hˈɪɹ fɔɹ tˈu."),
        ("To see; to go to?", "tə sˈi; tə ɡˈO tˈu?"),
        ("Two-man city.", "tˈu mˈæn sˈɪTi."),
        ("It rains.", None),
        ("Go lead the man.", None),
    ],
)
def test_sentences(recipe, dictionary, text, expected):
    assert recipe[2].teacher_phones(text, dictionary) == expected


@pytest.mark.parametrize(
    ("written", "tidied"),
    [
        ("“Where is it?”", "Where is it?"),
        ("Mr. Brown met Mrs Jones to-day.", "Mister Brown met Missus Jones today."),
        ("He saw--and went.", "He saw – and went."),
        ("A well-known man—his friend—came.", "A well-known man – his friend – came."),
        ("It’s five o’clock.", "It's five o'clock."),
        ("He was 12.", None),
        ('He said "no" to it.', None),
        ("The USA is big.", None),
        ("J. Brown came.", None),
        ("no capital letter.", None),
        ("Wait... what?", None),
        ("The boys' dog.", None),
        (" ".join(["Very", *["very"] * 25, "long."]), None),
    ],
)
def test_tidy(recipe, written, tidied):
    assert recipe[1].tidy(written) == tidied


def test_left_out(recipe):
    left_out = recipe[1].LeftOut(["The cat sat on the mat, at last.", "Yes", ""])
    assert "The cat sat on the mat, at last!" in left_out
    assert "She knew the cat sat on the table." in left_out
    assert "yes." in left_out
    assert "The cat sat on a mat." not in left_out
    assert "Yes, she did." not in left_out


def test_numbers(recipe):
    spelled, year = recipe[1].spelled, recipe[1].year
    assert [spelled(n) for n in (0, 13, 40, 85, 100, 312, 1000, 20_017, 999_999)] == [
        "zero", "thirteen", "forty", "eighty five", "one hundred", "three hundred twelve", "one thousand",
        "twenty thousand seventeen", "nine hundred ninety nine thousand nine hundred ninety nine",
    ]  # fmt: skip
    assert [year(n) for n in (1905, 1984, 1700, 2007, 2024)] == [
        "nineteen oh five", "nineteen eighty four", "seventeen hundred", "two thousand seven", "twenty twenty four",
    ]  # fmt: skip


WORDS = ["man", "apple", "city", "fire", "roses", "button", "one", "two"]


def texts(folder):
    """A folder of texts whose words are all in the dictionary."""
    folder.mkdir()
    lines = [f"The {a} was for the {b}.\n" for a in WORDS for b in WORDS]
    lines += [f"Was it the {a} for the {b}?\n" for a in WORDS for b in WORDS]
    lines += [f"The {a} was here to see one {b} for the {c}.\n" for a in WORDS for b in WORDS for c in WORDS]
    (folder / "modern.txt.xz").write_bytes(lzma.compress("".join(lines).encode()))
    (folder / "books-01.txt.xz").write_bytes(lzma.compress("".join(lines[:64]).encode()))
    return folder


def planned(recipe, dictionary, folder, without=(), seconds=200.0, seed="1:x"):
    sentences = recipe[1]
    found = sentences.candidates(folder)
    return list(sentences.plan(found, dictionary, sentences.LeftOut(without), seed, seconds))


def test_plan_is_balanced_seeded_and_stable(recipe, dictionary, tmp_path):
    folder = texts(tmp_path / "texts")
    lines = planned(recipe, dictionary, folder)
    assert lines == planned(recipe, dictionary, folder)
    assert lines != planned(recipe, dictionary, folder, seed="1:y")
    assert len({line.name for line in lines}) == len(lines)
    kinds = {line.kind for line in lines}
    assert {"modern-3-7", "modern-8-12", "question", "word"} <= kinds
    for part in (30, 60, len(lines)):
        assert {line.kind for line in lines[:part]} == kinds
    out = next(line.text for line in lines if line.kind == "question")
    fewer = planned(recipe, dictionary, folder, [out])
    assert out not in {line.text for line in fewer}
    # All but what shares five words with it is said as before, each kind in the same order.
    shared = recipe[1].LeftOut([out])
    for kind in kinds:
        before = [line.text for line in lines if line.kind == kind and line.text not in shared]
        after = [line.text for line in fewer if line.kind == kind]
        assert before[:10] == after[:10]


def tone(phones, speed):
    """Stands for the teacher: as long as it would be, the silence at its ends included."""
    from teacher_sentences import expected_seconds

    time = np.arange(round(24_000 * expected_seconds(phones) / speed)) / 24_000
    return np.pad(0.3 * np.sin(2 * np.pi * 150 * time), (7200, 12_000)).astype(np.float32)


def test_checks(recipe):
    teacher = recipe[0]
    phones = "ðə mˈæn wˈɑntᵻd ði ˈæpᵊl."
    good = teacher.cut(tone(phones, 1.0))
    assert teacher.fault(good, phones) == ""
    expected = teacher.expected_seconds(phones) + teacher.BEFORE + teacher.AFTER
    assert abs(len(good) / 24_000 - expected) < 0.01
    assert np.abs(teacher.cut(5 * tone(phones, 1.0))).max() <= 0.981
    assert "silent" in teacher.fault(teacher.cut(np.zeros(48_000, np.float32)), phones)
    assert "number" in teacher.fault(np.full(24_000, np.nan, np.float32), phones)
    assert "expected" in teacher.fault(teacher.cut(tone(phones, 0.3)), phones)
    hole = tone(phones * 2, 1.0)
    middle = len(hole) // 2
    assert "inside" in teacher.fault(np.concatenate([hole[:middle], np.zeros(36_000), hole[middle:]]), phones * 3)


def test_says_again_what_fails(recipe):
    teacher, sentences, _ = recipe
    line = sentences.Line("word", "City.", "sˈɪTi.")
    clip, _ = teacher.say(line, lambda phones, speed: tone(phones, speed) * (speed != 1.0))
    assert not clip.dropped and clip.speed == teacher.SPEEDS[1]
    clip, _ = teacher.say(line, lambda phones, speed: tone(phones, 0.2))
    assert "expected" in clip.dropped and clip.seconds == 0


def spoken(recipe, dictionary, folder, out, without=(), seconds=40.0, stop=None):
    """One run of the script without its model; killed after so many sentences."""
    teacher, sentences, _ = recipe
    left_out, voices = sentences.LeftOut(without), ("x", "y")
    journals = {voice: teacher.Journal(out / voice, left_out) for voice in voices}
    lines = {voice: iter(planned(recipe, dictionary, folder, without, seed=f"1:{voice}")) for voice in voices}
    run = teacher.speak_all(lines, dict.fromkeys(voices, tone), journals, seconds)
    return [clip.name for _, clip in itertools.islice(run, stop)]


def test_a_killed_run_goes_on(recipe, dictionary, tmp_path):
    folder = texts(tmp_path / "texts")
    whole = spoken(recipe, dictionary, folder, tmp_path / "whole")
    first = spoken(recipe, dictionary, folder, tmp_path / "killed", stop=7)
    killed = tmp_path / "killed/x"
    with open(killed / "clips.tsv", "a", encoding="utf-8") as journal:
        journal.write("word-0123456789\tword\tHalf a li")
    (killed / "wavs/word-0123456789.flac").write_bytes(b"without a row")
    (killed / "wavs/word-9876543210.part").write_bytes(b"half a file")
    (killed / "wavs/holiday.flac").write_bytes(b"not made by us")
    second = spoken(recipe, dictionary, folder, tmp_path / "killed")
    (killed / "wavs/holiday.flac").unlink()  # still there
    assert sorted(first + second) == sorted(whole)
    for voice in ("x", "y"):
        one, other = tmp_path / "whole" / voice, tmp_path / "killed" / voice
        assert (one / "metadata.csv").read_text() == (other / "metadata.csv").read_text()
        assert sorted(f.name for f in (one / "wavs").iterdir()) == sorted(f.name for f in (other / "wavs").iterdir())
    assert spoken(recipe, dictionary, folder, tmp_path / "killed") == []

    names = [row.split("|")[0] for row in (killed / "metadata.csv").read_text().splitlines()]
    info = [soundfile.info(killed / "wavs" / f"{name}.flac") for name in names]
    assert {i.samplerate for i in info} == {24_000}
    assert sum(i.duration for i in info) >= 40


def test_sentences_that_are_left_out_later_go(recipe, dictionary, tmp_path):
    from resonet.data.corpora import ljspeech

    folder, out = texts(tmp_path / "texts"), tmp_path / "out"
    spoken(recipe, dictionary, folder, out)
    row = (out / "x/metadata.csv").read_text().splitlines()[0].split("|")
    spoken(recipe, dictionary, folder, out, without=[row[1]])
    texts_now = [u.text for u in ljspeech.utterances(out / "x")]
    assert row[1] not in texts_now and len(texts_now) > 5
    assert not (out / f"x/wavs/{row[0]}.flac").exists()


def test_what_is_missing_is_said(recipe, tmp_path):
    with pytest.raises(SystemExit, match="onnx is not there"):
        recipe[0].main([str(tmp_path), str(tmp_path), str(tmp_path / "out")])


def test_single_words_are_said_beside_what_sounds_almost_like_them(recipe, tmp_path):
    words = importlib.import_module("teacher_words")
    more = tmp_path / "more.dict"
    more.write_text("on AA1 N\nawn AO1 N\ndon D AA1 N\nown OW1 N\nno N OW1\nknow N OW1\ngo G OW1\n", encoding="utf-8")
    near = words.neighbours(["on", "no"], recipe[2].Dictionary(more))
    assert near == ["don", "go", "own"]


def test_a_clip_of_a_word_depends_on_its_name_alone(recipe, tmp_path):
    words = importlib.import_module("teacher_words")
    for name, value in (("one", 1), ("two", 2)):
        np.full(512 * 256, value, np.float32).tofile(tmp_path / f"{name}.bin")
    heard = []

    class Graph:
        def run(self, outputs, inputs):
            heard.append(inputs)
            return [np.ones((1, 2400), np.float32)]

    mixer = words.Mixer(Graph(), sorted(tmp_path.glob("*.bin")))
    for name in ("go-001", "go-001", "go-002"):
        assert len(mixer.say("ɡˈO", words.random.Random(name))) == 2400 + round(0.3 * recipe[0].RATE)
    one, again, other = (inputs["style"][0, 0] for inputs in heard)
    assert (one == again).all()
    assert (one != other).any()
    assert heard[0]["tokens"].tolist() == [[0, *(recipe[0].SYMBOLS[s] for s in "ɡˈO"), 0]]
