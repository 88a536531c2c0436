"""The sentences held out: the rules they were drawn by, and what leaves them out of other texts."""

from __future__ import annotations

import importlib.util
import lzma
from pathlib import Path

import pytest

LISTS = Path(__file__).resolve().parents[2] / "benchmarks" / "lists"
spec = importlib.util.spec_from_file_location("make_lists", LISTS / "make.py")
assert spec and spec.loader
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)


def lines(name: str) -> list[str]:
    return (LISTS / name).read_text(encoding="utf-8").splitlines()


def test_the_lists_are_what_they_should_be() -> None:
    unseen = lines(make.UNSEEN)
    assert len(unseen) == len(set(unseen)) == 100
    assert all(len(sentence.split()) in make.WORDS for sentence in unseen)
    assert not any(c.isdigit() for sentence in unseen for c in sentence)
    assert len(lines(make.LJ)) == 60
    hard, spoken = lines(make.HARD), lines(make.HARD_SPOKEN)
    assert len(hard) == len(spoken) >= 40
    assert max(map(len, hard)) >= 1000
    assert min(map(len, hard)) == 1
    assert not any(c.isdigit() for line in spoken for c in line)
    assert sum(not line.endswith((".", "?", "!", ")")) for line in hard) >= 10


def test_held_out_sentences_are_found_in_lines_and_paragraphs() -> None:
    chosen = make.Filter()
    sentence = lines(make.UNSEEN)[7]
    assert not chosen.free(sentence)
    assert not chosen.free(sentence.upper().rstrip("."))
    assert not chosen.free(f"Before it there is this. {sentence} And after it, this.")
    assert chosen.free("Nobody holds this line back from anybody.")
    assert chosen.free(" ".join(sentence.split()[1:]))
    assert make.plain(sentence) in make.held_out()


def test_short_sentences_only_count_as_whole_lines() -> None:
    chosen = make.Filter(["Yes, sir.", "A long enough sentence stands here."])
    assert not chosen.free("Yes sir")
    assert chosen.free("He said: yes, sir, and went.")
    assert not chosen.free("And: a long-enough sentence stands here!")


def test_drawing_obeys_its_rules_and_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, data, lists = tmp_path / "texts", tmp_path / "data", tmp_path / "lists"
    for folder in (texts, data / "a", data / "lj", lists):
        folder.mkdir(parents=True)
    good = [f"The {word} one walks slowly over the {word} hill." for word in ("red", "blue", "green", "grey")]
    bad = [
        "Too short.", "It costs 3 pounds to walk over the hill.", "And then Peter walked slowly over it.",
        "The colour of the hill is plain to see.", 'He said "no" to all of them at once.', "no capital letter is here.",
    ]  # fmt: skip
    (texts / "modern.txt").write_text("\n".join(good[:2] + bad) + "\n", encoding="utf-8")
    with lzma.open(texts / "books-01.txt.xz", "wt", encoding="utf-8") as file:
        file.write(f"Mr. Brown was here for a very long time. {good[2]} {good[3]} {' '.join(bad)}\n")
    said = "path\ttext\na.wav\tTHE RED ONE WALKS SLOWLY OVER A ROAD\n"
    (data / "a" / "transcripts.tsv").write_text(said, encoding="utf-8")
    rows = [f"LJ001-{i:04}|raw {i}|clip {i}" for i in range(1, 13)]
    (data / "lj" / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    monkeypatch.setattr(make, "HERE", lists)
    monkeypatch.setattr(make, "FROM_EACH", 1)
    make.draw(texts, data, data / "lj")
    found = (lists / make.UNSEEN).read_text(encoding="utf-8").splitlines()
    assert found[0] == good[1]  # the red one shares six words with a transcript
    assert found[1] in good[2:]
    assert (lists / make.LJ).read_text(encoding="utf-8") == "clip 6\nclip 12\n"
    assert make.drawn(good, set(), 3) == make.drawn(good[::-1], set(), 3)
    with pytest.raises(SystemExit, match="only 2 sentences fit"):
        make.drawn(good[:2], set(), 3)
