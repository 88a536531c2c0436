"""Units of words: the user's words, the lexicon, the network, spelling; other languages; long sentences."""

from __future__ import annotations

import builtins

import pytest

from resonet.errors import DataError, MissingExtra, UsageError
from resonet.text.frontend import FrontEnd, voice_symbols
from resonet.text.lexicon import Lexicon
from resonet.text.phones import ARPABET, ARPABET_STRESSED, PINYIN

CMUDICT = ["hello HH AH0 L OW1", "cat K AE1 T", "cloud(2) K L AW1 D  # remark"]


def symbols(front: FrontEnd, text: str, longest: int = 200) -> list[str]:
    return [" ".join(sentence.symbols) for sentence in front.sentences(text, longest)]


def test_inventories() -> None:
    assert len(ARPABET_STRESSED) == len(set(ARPABET_STRESSED)) == 24 + 3 * 15
    assert list(ARPABET_STRESSED) == sorted(ARPABET_STRESSED)
    assert len(PINYIN) == len(set(PINYIN)) == 21 + 5 * 36
    assert voice_symbols("en-GB")[:9] == ("<blank>", "|", ",", ".", "?", "!", ";", ":", "–")
    assert voice_symbols("fr", ["Où ça?"])[9:] == ("a", "o", "ç", "ù")
    assert len(voice_symbols("de")) == 9 + 30


def test_the_dictionary_with_stress() -> None:
    lexicon = Lexicon.read_cmudict(CMUDICT, stress=True)
    assert lexicon.pronunciations("hello") == [("HH", "AH0", "L", "OW1")]
    assert lexicon.pronunciations("cloud") == [("K", "L", "AW1", "D")]
    assert Lexicon.from_bytes(lexicon.to_bytes()).pronunciations("cat") == [("K", "AE1", "T")]
    with pytest.raises(DataError, match="'AH'"):
        Lexicon.read_cmudict(["the DH AH"], stress=True)


def test_stress_is_fitted_to_the_voice() -> None:
    lexicon = Lexicon.read_cmudict(CMUDICT, stress=True)
    assert symbols(FrontEnd("en", ["<blank>", "|", ".", *ARPABET], lexicon=lexicon), "Hello.") == ["| HH AH L OW ."]
    plain = Lexicon.read_cmudict(CMUDICT)
    assert symbols(FrontEnd("en", voice_symbols("en"), lexicon=plain), "Hello.") == ["| HH AH1 L OW0 ."]


def test_unknown_words_are_spelled() -> None:
    assert symbols(FrontEnd("en", voice_symbols("en")), "xqz") == ["| EH1 K S K Y UW1 Z IY1 ."]


class Network:
    """Says every letter as K."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def phones(self, words: list[str]) -> list[tuple[str, ...]]:
        self.asked.append(list(words))
        return [("K",) * len(word) if word != "mute" else () for word in words]


def test_the_network_says_what_the_lexicon_lacks() -> None:
    network = Network()
    front = FrontEnd("en", voice_symbols("en"), lexicon=Lexicon.read_cmudict(CMUDICT, stress=True), g2p=network)  # type: ignore[arg-type]
    assert symbols(front, "Hello xyz, naïf mute xyz. Xyz's hello") == [
        "| HH AH0 L OW1 | K K K , | K K K K | EH1 M Y UW1 T IY1 IY1 | K K K .",
        "| K K K S | HH AH0 L OW1 .",
    ]
    assert network.asked[0] == ["xyz", "naif", "mute"]  # one batch a sentence, each word once
    assert [word for batch in network.asked[1:] for word in batch] in ([], ["xyz"])


def test_the_shipped_network() -> None:
    pytest.importorskip("resonet_bundle_en_small")
    from resonet.bundle import Bundle
    from resonet.text.g2p import GraphemeToPhone

    with Bundle.open("en-small") as bundle:
        if not bundle.has("g2p.onnx"):
            pytest.skip("the bundle brings no network")
        network = GraphemeToPhone(bundle.read("g2p.onnx"))
    front = FrontEnd("en", voice_symbols("en"), g2p=network)
    (units,) = symbols(front, "Blorbing!")
    assert units.startswith("| B L AO") and units.endswith("!") and "1" in units


USER = {
    "Nvidia": "EH0 N V IH1 D IY0 AH0",
    "SQL": "sequel",
    "C++": "see plus plus",
    "gif": ["JH", "IH1", "F"],
    "hello": "HH EH L OW",
}


def test_words_of_the_user() -> None:
    pytest.importorskip("num2words")
    front = FrontEnd("en", voice_symbols("en"), lexicon=Lexicon.read_cmudict(CMUDICT, stress=True), user=USER)
    spoken = [(s.spoken, [w.text for w in s.words]) for s in front.sentences("NVIDIA's SQL, C++ (GIF). Hello, sqls")]
    assert spoken[0] == ("nvidia's sequel see plus plus gif", ["NVIDIA's", "SQL", "C++", "GIF"])
    assert symbols(front, "hello Nvidia's gif") == ["| HH EH1 L OW0 | EH0 N V IH1 D IY0 AH0 Z | JH IH1 F ."]
    assert front.expand("SQL and 2 C++.") == "sequel and two see plus plus."


def test_a_lexicon_of_the_user(tmp_path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("Nike\tn a i k i\n", encoding="utf-8")
    letters = voice_symbols("de")
    front = FrontEnd("de", letters, user=Lexicon.read_text(path, letters))
    assert symbols(front, "Nikes Nike!") == ["| n i k e s | n a i k i !"]


def test_the_user_decides_in_mandarin_too() -> None:
    pytest.importorskip("pypinyin")
    front = FrontEnd("zh", voice_symbols("zh"), user={"行长": "h ang2 zh ang3", "GDP": "国内生产总值"})
    assert symbols(front, "他是行长。")[0].endswith("| h ang2 zh ang3 .")
    assert [s.spoken for s in front.sentences("GDP很高")] == ["国内生产总值很高"]


def test_wrong_words_of_the_user_are_told() -> None:
    with pytest.raises(DataError, match=r"'x' of the user's words has 'QQ'"):
        FrontEnd("en", voice_symbols("en"), user={"x": ["QQ", "AH0"]})


def test_other_languages_by_letters() -> None:
    pytest.importorskip("num2words")
    front = FrontEnd("fr-FR", voice_symbols("fr", ["àâçéèêëîïôûùœ", "abcdefghijklmnopqrstuvwxyz"]))
    assert [s.spoken for s in front.sentences("L’été, 21 élèves et 3,5 % à 1.000 m. Ça va ?")] == [
        "l'été vingt et un élèves et trois virgule cinq à mille m", "ça va"
    ]  # fmt: skip
    assert symbols(front, "Ça — déjà !")[0] == "| ç a – | d é j à !"
    assert symbols(FrontEnd("it", ["<blank>", *"abcdefghijklmnopqrstuvwxyz"]), "Perché?") == ["p e r c h e"]


def test_scripts_with_marks_keep_them() -> None:
    front = FrontEnd("hi", voice_symbols("hi", ["हिन्दी में लिखा है"]))
    (sentence,) = front.sentences("हिन्दी में है।")
    assert "".join(sentence.symbols) == "|हिन्दी|में|है."
    assert [word.text for word in sentence.words] == ["हिन्दी", "में", "है"]


def test_strange_words_among_known_ones_are_left_out_with_a_warning() -> None:
    front = FrontEnd("de", voice_symbols("de"))
    (sentence,) = front.sentences("Das Wort Привет heißt hallo.")
    assert sentence.spoken == "das wort heißt hallo" and len(front.warnings) == 1
    assert "привет" in front.warnings[0]
    list(front.sentences("Noch einmal Привет."))
    assert len(front.warnings) == 1


def test_symbols_that_a_voice_lacks() -> None:
    front = FrontEnd("de", ["<blank>", "|", ".", ",", *"abcdefghijklmnopqrstuvwxyzäöüß"])
    assert symbols(front, "Ja; nein: doch – gut!") == ["| j a , | n e i n , | d o c h , | g u t ."]
    assert symbols(FrontEnd("de", ["<blank>", *"ajn"]), "Ja, nja.") == ["j a n j a"]


@pytest.mark.parametrize(
    ("language", "units"), [("", ["<blank>", "a"]), ("12", ["a"]), ("en", ["<blank>", "|", ".", ","])]
)
def test_a_front_end_needs_a_language_and_units(language: str, units: list[str]) -> None:
    with pytest.raises(UsageError):
        FrontEnd(language, units)


def test_pieces_need_room() -> None:
    with pytest.raises(UsageError, match="at least 8"):
        FrontEnd("de", voice_symbols("de")).sentences("Ja", longest=7)


@pytest.mark.parametrize(("language", "text"), [("en", "It is 5."), ("de", "Am 3. Mai"), ("fr", "5"), ("zh", "你好")])
def test_without_the_extra(monkeypatch, language: str, text: str) -> None:
    from resonet.text.frontend import numbers

    numbers.cardinal.cache_clear()
    numbers.ordinal.cache_clear()
    importing = builtins.__import__

    def refuse(name: str, *rest, **more):
        if name.split(".")[0] in ("num2words", "pypinyin"):
            raise ImportError(name)
        return importing(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    front = FrontEnd(language, voice_symbols(language, ["abc"]))
    with pytest.raises(MissingExtra, match=r"resonet\[speak\]"):
        list(front.sentences(text))
    if language != "zh":
        assert list(front.sentences("abc"))


def test_long_sentences_are_cut_at_marks_first() -> None:
    front = FrontEnd("de", voice_symbols("de"))
    text = "ein langer satz mit vielen worten; noch einer, und dann so weiter bis zum schluss ohne ein zeichen darin"
    pieces = symbols(front, text, 60)
    assert [piece.replace(" ", "") for piece in pieces] == [
        "|ein|langer|satz|mit|vielen|worten;|noch|einer,",
        "|und|dann|so|weiter|bis|zum|schluss|ohne|ein|zeichen|darin.",
    ]


def test_without_marks_they_are_cut_before_conjunctions_and_between_words() -> None:
    front = FrontEnd("de", voice_symbols("de"))
    text = (
        "ein langer satz mit vielen worten ohne ein zeichen und dann so weiter bis zum schluss ganz ohne pausen darin"
    )
    assert [piece.replace(" ", "") for piece in symbols(front, text, 70)] == [
        "|ein|langer|satz|mit|vielen|worten|ohne|ein|zeichen,",
        "|und|dann|so|weiter|bis|zum|schluss|ganz|ohne|pausen|darin.",
    ]


def test_voices_of_several_languages_keep_their_units_apart() -> None:
    together = tuple(dict.fromkeys([*voice_symbols("en"), *voice_symbols("de"), *voice_symbols("zh")]))
    assert symbols(FrontEnd("de", together), "Öl, Café") == ["| ö l , | c a f e ."]
    assert symbols(FrontEnd("en", together), "a b") == ["| AH0 | B IY1 ."]


def test_long_words_are_shared_out() -> None:
    front = FrontEnd("de", voice_symbols("de"))
    word = "donaudampfschifffahrtsgesellschaft"
    sentences = list(front.sentences(word, 12))
    assert "".join(w.text for s in sentences for w in s.words) == word
    assert [s.symbols[-1] for s in sentences] == [",", ",", ",", "."]
    assert "".join(c for s in sentences for c in s.symbols if c.isalpha()) == word
    assert [s.spoken for s in sentences] == [word, "", "", ""]
