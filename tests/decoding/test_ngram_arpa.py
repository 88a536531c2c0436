from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from ngram_reference import Slow
from test_ngram_kneser_ney import model_of, text

from resonet.decoding.ngram import NgramModel, prune, read, read_arpa, write, write_arpa
from resonet.errors import DataError, ResonetError

SMALL = """made by hand

\\data\\
ngram 1=5
ngram 2=4
ngram 3=2

\\1-grams:
-0.5\t</s>
-99\t<s>\t-0.2
-0.6\tb\t-0.1
-0.7\ta\t-0.3
-2\t<unk>

\\2-grams:
-0.25\ta b\t-0.05
-0.125\t<s> a\t-0.4
-0.3\tb a
-0.35\tb </s>

\\3-grams:
-0.1 <s> a b
-0.2\tb a a

\\end\\
"""


def arpa(folder: Path, content: str, name: str = "m.arpa") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["m.arpa", "m.arpa.gz", "m.arpa.xz", "m.arpa.bz2"])
@pytest.mark.parametrize("order", [1, 3, 5])
def test_round_trip(tmp_path: Path, name: str, order: int) -> None:
    model = prune(model_of([*text(800), ["straße", "naïve", "日本語"]], order), 1e-5)
    write_arpa(model, tmp_path / name)
    again = read_arpa(tmp_path / name)
    assert sorted(again.words) == sorted(model.words)
    assert again.counts == model.counts
    before, after = Slow(model), Slow(again)
    assert before.log_prob.keys() == after.log_prob.keys()
    for gram, value in before.log_prob.items():
        assert after.log_prob[gram] == pytest.approx(value, rel=1e-6, abs=1e-6)
        assert after.backoff[gram] == pytest.approx(before.backoff[gram], rel=1e-6, abs=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_reads_what_other_tools_write(tmp_path: Path) -> None:
    """N-grams in any order, blanks or tabs, words before the data; 'a a', which ends 'b a a', was pruned."""
    model = read_arpa(arpa(tmp_path, SMALL))
    slow = Slow(model)
    ten = lambda gram: slow.log_prob[gram] / math.log(10)  # noqa: E731
    assert ten(("a",)) == pytest.approx(-0.7)
    assert ten(("<s>", "a", "b")) == pytest.approx(-0.1)
    assert slow.backoff["<s>", "a"] / math.log(10) == pytest.approx(-0.4)
    assert model.counts == (5, 5, 2)
    assert ten(("a", "a")) == pytest.approx(-0.3 - 0.7), "what backing off gives"
    fast = NgramModel.from_backoff(model)
    assert fast.sentence_logprob(["a", "b"]) / math.log(10) == pytest.approx(-0.125 - 0.1 - 0.05 - 0.35, abs=1e-3)


def test_without_unknown_word(tmp_path: Path) -> None:
    content = SMALL.replace("-2\t<unk>\n", "").replace("ngram 1=5", "ngram 1=4")
    model = read_arpa(arpa(tmp_path, content))
    assert model.words[:3] == ("<unk>", "<s>", "</s>")
    assert model.levels[0].log_prob[0] < -200


def test_upper_case_unknown_word(tmp_path: Path) -> None:
    assert read_arpa(arpa(tmp_path, SMALL.replace("<unk>", "<UNK>"))).levels[0].log_prob[0] == pytest.approx(
        -2 * math.log(10)
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("\\data\\", "data", "no \\\\data\\\\ section"),
        ("ngram 2=4", "ngram 2=5", "line 20: 4 2-grams, but the head of the file says 5"),
        ("ngram 2=4", "ngram 3=4", "'ngram 2=...' was expected"),
        ("\\2-grams:", "\\3-grams:", "2-grams: was expected"),
        ("-0.25\ta b\t-0.05", "x\ta b\t-0.05", "line 16: a number was expected"),
        ("-0.25\ta b\t-0.05", "-0.25\ta b\tnan", "no backoff weight"),
        ("-0.25\ta b\t-0.05", "0.25\ta b\t-0.05", "0.25 is no log probability"),
        ("-0.25\ta b\t-0.05", "nan\ta b\t-0.05", "nan is no log probability"),
        ("-0.25\ta b\t-0.05", "-0.25\ta", "2 words between two numbers"),
        ("-0.25\ta b\t-0.05", "-0.25\ta c\t-0.05", "'c' stands in a 2-gram but is no 1-gram"),
        ("-0.3\tb a\n", "-0.3\ta b\n", "the 2-gram 'a b' stands there twice"),
        ("-0.3\tb a\n", "-0.3\ta a\n", "the 3-gram 'b a a' lacks the n-gram of its first words"),
        ("-0.6\tb", "-0.6\ta", "twice|no 1-gram"),
        ("\\end\\", "", "ends without"),
        (SMALL[SMALL.index("\\3-grams") :], "", "3-grams: was expected"),
    ],
)  # fmt: skip
def test_faults_are_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = arpa(tmp_path, SMALL.replace(old, new))
    with pytest.raises(DataError, match=says) as error:
        read_arpa(path)
    assert str(path) in str(error.value)


def test_not_an_arpa_file(tmp_path: Path) -> None:
    for content in (b"", b"RIFF\xff\xfe\x00\x01WAVE", b"\x1f\x8b\x08\x00broken", b"\\data\\\n\nngram 1=0\n"):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(DataError):
            read_arpa(tmp_path / "x")
    with pytest.raises(DataError, match="No such file"):
        read(tmp_path / "nothing.arpa")


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    model = model_of(text(200))
    broken = type(model)(model.words[:-1], model.levels)
    with pytest.raises(ValueError):
        write_arpa(broken, tmp_path / "m.arpa")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ResonetError, match="cannot be written"):
        write(model, tmp_path / "no-such-folder" / "m.bin")


def test_suffix_chooses_the_form(tmp_path: Path) -> None:
    model = model_of(text(200))
    sizes = {name: write(model, tmp_path / name) for name in ("m.arpa", "m.arpa.gz", "m.bin")}
    assert sizes["m.bin"] < sizes["m.arpa.gz"] < sizes["m.arpa"]
    assert np.isfinite(read(tmp_path / "m.bin").counts).all()
