"""Units and words from texts: letters, pieces, phones with a lexicon, and phones that a network read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_trainings import SMALL, TINY

from resonet.bundle import Bundle
from resonet.decoding.ngram import NgramModel, Source, train, write_arpa
from resonet.errors import BundleError, DataError, UsageError
from resonet.text.normalise import normalise
from resonet.train import vocabulary
from resonet.train.recipe import Recipe, parse

TEXTS = ["the cat sat", "a cat's mat", "the mat"]


def made(**units: object) -> Recipe:
    return parse({"passes": 1, "units": units}, [], "test")


def spell(word: str) -> list[str]:
    """Phones that a child would give: a letter, a phone."""
    sounds = {"a": "AE", "c": "K", "e": "EH", "h": "HH", "i": "IH", "j": "JH", "o": "AA", "q": "K", "u": "AH", "x": "K"}
    return [sounds.get(c, c.upper()) for c in word if c.isalpha()]


def test_characters_are_those_of_the_texts() -> None:
    assert vocabulary.alphabet(TEXTS) == "'abcdefghijklmnopqrstuvwxyz"
    assert vocabulary.alphabet(["über 7 straßen", "née"]) == "'abcdefghijklmnopqrstuvwxyzßéü"
    assert vocabulary.alphabet(["он 3 дома"]) == "адмно"
    words = vocabulary.build(made(), TEXTS, [])
    assert list(words.lexicon) == ["the", "cat", "sat", "a", "cat's", "mat"]
    with pytest.raises(DataError, match="'7'"):
        words.encode("7 cats")


def test_pieces_are_learnt() -> None:
    words = vocabulary.build(made(type="bpe", size=24), TEXTS * 5, [])
    assert words.units.type == "bpe" and len(words.units) <= 24
    assert words.units.decode(words.encode("the cat")) == "the cat"


def test_phones_come_from_a_lexicon(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="need a lexicon"):
        vocabulary.build(made(type="phones"), TEXTS, [])
    (tmp_path / "cmu.dict").write_text("the DH AH0\nthe(2) DH IY0\ncat K AE1 T # pet\nhat HH AE1 T\n")
    words = vocabulary.build(made(type="phones", lexicon=str(tmp_path / "cmu.dict")), TEXTS, ["hat"])
    assert words.units.decode(words.encode("the cat")) == "DH AH K AE T"
    assert list(words.lexicon) == ["the", "cat"] and words.unread == ("sat", "a", "cat's", "mat")
    with pytest.raises(DataError, match="no pronunciation of 'sat'"):
        words.encode("the cat sat")
    assert words.units.decode(words.encode("hat")) == "HH AE T"  # dev texts may use words that are not recognized


def test_a_lexicon_may_have_its_own_phones(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("tür\tt yː ɐ\nund\tʊ n t\n", encoding="utf-8")
    words = vocabulary.build(made(type="phones", lexicon=str(tmp_path / "own.txt")), ["und tür"], [])
    assert words.units.symbols == ("<blank>", "n", "t", "yː", "ɐ", "ʊ")
    (tmp_path / "bad.txt").write_text("cat K QQ T\n")
    with pytest.raises(DataError, match=r"bad\.txt.*QQ"):
        vocabulary.pronunciations(tmp_path / "bad.txt")
    with pytest.raises(DataError, match=r"none\.txt cannot be read"):
        vocabulary.pronunciations(tmp_path / "none.txt")


def test_a_language_model_brings_its_words(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("the dog sat\n" * 3)
    lm = train([Source(tmp_path / "text")], order=2)
    (tmp_path / "lm.bin").write_bytes(NgramModel.from_backoff(lm).to_bytes())
    write_arpa(lm, tmp_path / "lm.arpa.gz")
    for name in ("lm.bin", "lm.arpa.gz"):
        words = vocabulary.build(made().model_copy(update={"lm": str(tmp_path / name)}), TEXTS, [])
        assert "dog" in words.lexicon and "cat's" in words.lexicon and words.lm is not None
        scores = np.full((8, len(words.units)), -20.0, np.float32)
        for frame, unit in enumerate(words.encode("dog")):
            scores[2 * frame, unit] = 0
            scores[2 * frame + 1, 0] = 0
        scores[6:, 0] = 0
        assert words.decoder(np.zeros(len(words.units), np.float32))([scores]) == ["dog"]  # type: ignore[misc]
    with pytest.raises(DataError, match="text"):
        vocabulary.build(made().model_copy(update={"lm": str(tmp_path / "text")}), TEXTS, [])


def test_a_network_reads_the_words_that_a_lexicon_lacks(resonet, tmp_path: Path) -> None:
    texts = [normalise(path.read_text()) for path in sorted(TINY.glob("*/*.txt"))]
    words = sorted({word for text in texts for word in text.split()})
    lines = [f"{word}\t{' '.join(spell(word))}\n" for word in words]
    (tmp_path / "dictionary").write_text("".join(lines))
    ran = resonet("train", "--task", "pronounce", "--data", "dictionary", "--set", "preset=tiny",
                  "--set", "passes=2", "--set", "threads=1", "-o", "g2p")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "phone errors" in ran.err and ran.out == "g2p/g2p.resonet\n"
    with Bundle.open("g2p/g2p.resonet", "g2p") as bundle:
        assert {metric.name for metric in bundle.manifest.metrics} == {"phone_error_rate", "word_error_rate"}
    (tmp_path / "some").write_text("".join(lines[:-20]))
    phones = ["--set", "units.type=phones", "--set", "units.lexicon=some", "--set", "passes=1"]
    ran = resonet("train", "--data", TINY, *SMALL, *phones, "--set", "units.g2p=g2p/g2p.resonet", "-o", "phones")
    assert ran.code == 0, ran.err
    with Bundle.open("phones/phones.resonet") as bundle:
        assert {"lexicon.bin", "g2p.onnx"} <= set(bundle.members)
    ran = resonet("train", "--data", TINY, *SMALL, *phones, "-o", "without")
    assert ran.code == 0 and "words have no pronunciation" in ran.err
    with pytest.raises(BundleError, match=r"brings no g2p\.onnx"):
        vocabulary.g2p_graph("without/without.resonet")


def test_a_dictionary_without_words_is_an_error(resonet, tmp_path: Path) -> None:
    (tmp_path / "dictionary").write_text("a\tAH\n")
    ran = resonet("train", "--task", "pronounce", "--data", "dictionary", "-o", "g2p")
    assert ran.code == 1 and "no words to learn from" in ran.err
