from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_ngram_kneser_ney import text

from resonet import cli
from resonet.decoding.ngram import read


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(f"word{w[1:]}".translate(LETTERS) for w in s) + "\n" for s in text(3000)), "utf-8")
    return path


LETTERS = str.maketrans("0123456789", "abcdefghij")


def run(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    code = cli.main([str(arg) for arg in ("lm", *args)])
    out, err = capsys.readouterr()
    return code, out, err


def test_train_look_convert_measure(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compact, arpa, small = tmp_path / "lm.bin", tmp_path / "lm.arpa.gz", tmp_path / "small.bin"
    code, out, err = run(capsys, "train", corpus, "-o", compact)
    assert (code, out) == (0, "")
    assert "1-grams" in err
    assert run(capsys, "convert", compact, "-o", arpa)[0] == 0
    assert run(capsys, "convert", arpa, "-o", small, "--size", f"{compact.stat().st_size // 2000}kB")[0] == 0
    assert small.stat().st_size <= compact.stat().st_size // 2
    code, out, _ = run(capsys, "info", arpa, "--json")
    assert json.loads(out)["ngrams"] == list(read(compact).counts)
    code, out, _ = run(capsys, "info", compact)
    assert out.startswith(f"{compact}: order 3")
    measured = []
    for model in (compact, arpa, small):
        code, out, _ = run(capsys, "perplexity", model, corpus, "--json")
        assert code == 0
        measured.append(json.loads(out)["perplexity"])
    assert measured[0] == pytest.approx(measured[1], rel=0.02)
    assert measured[0] < measured[2] < 45
    code, out, _ = run(capsys, "perplexity", compact, corpus)
    assert "perplexity" in out
    assert "0 (0.00 %) not in the vocabulary" in out


def test_weights_vocabulary_and_cut_offs(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rare, lexicon = tmp_path / "rare.txt", tmp_path / "lexicon.dict"
    rare.write_text("Kept once.\n", "utf-8")
    lexicon.write_text(";;; notice\nkept  K EH P T\nKEPT(2)  K AH P T\nnever  N EH V ER\nx-ray  EH K S R EY\n", "utf-8")
    model = tmp_path / "lm.bin"
    code, _, _ = run(
        capsys, "train", corpus, f"{rare}:2", "-o", model, "--vocabulary", 10, "--keep", lexicon, "--cutoffs", "0,0,1"
    )
    assert code == 0
    words = read(model).words[3:]
    assert len(words) == 10
    assert "kept" in words
    assert "never" not in words
    assert run(capsys, "train", corpus, rare, "-o", model, "--vocabulary", lexicon)[0] == 0
    assert set(read(model).words[3:]) == {"kept", "never"}


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("train", "none.txt", "-o", "x.bin"), 1, "none.txt cannot be read"),
        (("train", "empty.txt", "-o", "x.bin"), 1, "There are no words"),
        (("train", "text.txt", "-o", "x.bin", "--size", "big"), 2, "no size such as 15MB"),
        (("train", "text.txt", "-o", "x.bin", "--size", "10"), 2, "single words take"),
        (("train", "text.txt", "-o", "x.bin", "--order", "9"), 2, "9 is not in the range"),
        (("train", "text.txt", "-o", "x.bin", "--cutoffs", "1,0"), 2, "do not fall"),
        (("train", "text.txt", "-o", "x.bin", "--cutoffs", "a"), 2, "no numbers"),
        (("train", "text.txt", "-o", "x.bin", "--prune", "3"), 2, "threshold"),
        (("train", "text.txt:0", "-o", "x.bin"), 2, "weight"),
        (("train", "text.txt", "-o", "x.bin", "--vocabulary", "0"), 2, "at least one word"),
        (("train", "text.txt", "-o", "x.bin", "--vocabulary", "none.dict"), 1, "none.dict cannot be read"),
        (("train", "text.txt", "-o", "nowhere/x.bin"), 1, "cannot be written"),
        (("info", "text.txt"), 1, "no \\data\\ section"),
        (("info", "cut.bin"), 3, "no sound language model"),
        (("info", "zip.resonet"), 3, "zip.resonet"),
        (("perplexity", "cut.bin", "text.txt"), 3, "no sound language model"),
    ],
)  # fmt: skip
def test_faults_in_one_sentence(
    args: tuple[str, ...],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("some words here.\nand some more words\n", "utf-8")
    Path("empty.txt").write_text("1 2 3\n", "utf-8")
    Path("cut.bin").write_bytes(b"RNLM\x01\x00\x00\x00")
    Path("zip.resonet").write_bytes(b"PK\x03\x04broken")
    before = sorted(path.name for path in tmp_path.iterdir())
    found, out, err = run(capsys, *args)
    assert (found, out) == (code, "")
    assert says in err
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == before
