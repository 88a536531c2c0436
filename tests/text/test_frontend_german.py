"""German: what figures and signs say, with their endings; where sentences end; letters."""

from __future__ import annotations

import pytest

from resonet.text.frontend import FrontEnd, voice_symbols

pytest.importorskip("num2words")


@pytest.fixture(scope="module")
def front() -> FrontEnd:
    return FrontEnd("de", voice_symbols("de"))


def spoken(front: FrontEnd, text: str) -> str:
    return " / ".join(sentence.spoken for sentence in front.sentences(text))


GOLDEN = [
    # cardinals, decimals, fractions
    ("Es sind 0 oder 21.", "es sind null oder einundzwanzig"),
    ("1.000 Leute", "eintausend leute"),
    ("10 000 Leute", "zehntausend leute"),
    ("1.234.567", "eine million zweihundertvierunddreißigtausendfünfhundertsiebenundsechzig"),
    ("3,14", "drei komma eins vier"),
    ("-0,5 Grad", "minus null komma fünf grad"),
    ("Version 3.14", "version drei punkt vierzehn"),
    ("Agent 007", "agent null null sieben"),
    ("1 Apfel und 1 Katze", "ein apfel und eine katze"),
    ("Seite 1", "seite eins"),
    ("1/2, 3/4 und 5/8", "ein halb drei viertel und fünf achtel"),
    ("2 1/2 oder 1½", "zweieinhalb oder eineinhalb"),
    ("⅓ Liter", "ein drittel liter"),
    # ordinals
    ("am 3. Mai", "am dritten mai"),
    ("der 3. Mai", "der dritte mai"),
    ("3. Mai", "dritter mai"),
    ("vom 3. bis 5. Mai", "vom dritten bis fünften mai"),
    ("am 1., 2. und 3. Mai", "am ersten zweiten und dritten mai"),
    ("im 19. Jahrhundert", "im neunzehnten jahrhundert"),
    ("das 1. Mal", "das erste mal"),
    ("in der 3. Klasse", "in der dritten klasse"),
    ("die 2. Liga", "die zweite liga"),
    ("ein 2. Versuch", "ein zweiter versuch"),
    ("1. Platz, 2. Kapitel, 3. Klasse", "erster platz zweites kapitel dritte klasse"),
    ("die 100. Sendung", "die hundertste sendung"),
    ("1.-3. Tag", "erster bis dritter tag"),
    ("Heute, am 3., und morgen ist der 4.", "heute am dritten und morgen ist der vierte"),
    # dates and years
    ("03.05.2024", "dritter mai zweitausendvierundzwanzig"),
    ("am 3.5.", "am dritten mai"),
    ("bis 31.12.99", "bis einunddreißigsten dezember neunundneunzig"),
    ("2024-05-03", "dritter mai zweitausendvierundzwanzig"),
    ("Montag, den 3. Mai", "montag den dritten mai"),
    ("1984 und 1905", "neunzehnhundertvierundachtzig und neunzehnhundertfünf"),
    ("im Jahr 2024", "im jahr zweitausendvierundzwanzig"),
    ("die 1980er und 90er Jahre", "die neunzehnhundertachtziger und neunziger jahre"),
    ("1914–18", "neunzehnhundertvierzehn bis achtzehn"),
    ("500 v. Chr.", "fünfhundert vor christus"),
    ("Saison 2023/24", "saison zweitausenddreiundzwanzig vierundzwanzig"),
    # times
    ("um 14:30 Uhr", "um vierzehn uhr dreißig"),
    ("um 14.30 Uhr", "um vierzehn uhr dreißig"),
    ("um 8:05", "um acht uhr fünf"),
    ("um 1 Uhr", "um ein uhr"),
    ("8–10 Uhr", "acht bis zehn uhr"),
    ("8:00-10:30 Uhr", "acht uhr bis zehn uhr dreißig"),
    ("14:30:15", "vierzehn uhr dreißig und fünfzehn sekunden"),
    # money
    ("12,50 €", "zwölf euro fünfzig"),
    ("1 €", "ein euro"),
    ("0,99 €", "neunundneunzig cent"),
    ("3,5 Mio. €", "drei komma fünf millionen euro"),
    ("1 Mrd. Euro", "eine milliarde euro"),
    ("$5 und 12 EUR", "fünf dollar und zwölf euro"),
    ("12,– €", "zwölf euro"),
    ("100 CHF", "einhundert franken"),
    # measures
    ("1 km, 1 h, 1 t", "ein kilometer eine stunde eine tonne"),
    ("5 km/h", "fünf kilometer pro stunde"),
    ("20 °C bis -5 °C", "zwanzig grad celsius bis minus fünf grad celsius"),
    ("3 m² und 2 m³", "drei quadratmeter und zwei kubikmeter"),
    ("5-10 kg", "fünf bis zehn kilogramm"),
    ("5 % und 3,5%", "fünf prozent und drei komma fünf prozent"),
    ("5%ige Lösung", "fünfprozentige lösung"),
    ("2 Min. und 30 Sek.", "zwei minuten und dreißig sekunden"),
    ("3-jährig, 10-mal, 3fach", "dreijährig zehnmal dreifach"),
    # telephone
    ("030/123456", "null drei null eins zwei drei vier fünf sechs"),
    ("+49 30 1234", "plus vier neun drei null eins zwei drei vier"),
    ("Tel. 0171 12345", "telefon null eins sieben eins eins zwei drei vier fünf"),
    ("in 80331 München", "in acht null drei drei eins münchen"),
    # Roman numerals
    ("Ludwig XIV. regierte", "ludwig der vierzehnte regierte"),
    ("der Sohn Ludwigs XIV.", "der sohn ludwigs des vierzehnten"),
    ("Elisabeth I. und Karl V.", "elisabeth die erste und karl der fünfte"),
    ("unter Ludwig XIV.", "unter ludwig dem vierzehnten"),
    ("Kapitel IV", "kapitel vier"),
    ("der II. Weltkrieg", "der zweite weltkrieg"),
    # abbreviations
    ("z. B. so, z.B. so", "zum beispiel so zum beispiel so"),
    ("d. h. bzw. ca. usw.", "das heißt beziehungsweise zirka und so weiter"),
    ("Dr. Maier und Prof. Kuhn", "doktor maier und professor kuhn"),
    ("Nr. 5, S. 12, Abs. 2", "nummer fünf seite zwölf absatz zwei"),
    ("Hauptstr. 5", "hauptstraße fünf"),
    ("19,99 €/Monat, 5x inkl. MwSt.", "neunzehn euro neunundneunzig pro monat fünfmal inklusive mehrwertsteuer"),
    ("Lehrer:innen", "lehrer innen"),
    ("Kapitel 5.3. Ende", "kapitel fünf punkt drei ende"),
    ("Karl-Marx-Str.", "karl marx straße"),
    ("§ 5, §§ 5-7", "paragraf fünf paragrafen fünf bis sieben"),
    ("i. d. R. u. a.", "in der regel unter anderem"),
    # acronyms, letters
    ("die EU und das ZDF", "die eh uh und das zett deh eff"),
    ("die NATO, der TÜV", "die nato der tüv"),
    ("eine GmbH", "eine geh emm beh hah"),
    ("die S-Bahn, eine E-Mail", "die ess bahn eine ih mehl"),
    ("US-Präsident", "uh ess präsident"),
    ("MP3-Player, B2B", "emm peh drei player beh zwei beh"),
    ("J. W. von Goethe", "jott weh von goethe"),
    ("DAS IST EIN LAUTER SATZ", "das ist ein lauter satz"),
    ("Das ist NICHT wahr, ACHTUNG", "das ist nicht wahr achtung"),
    # addresses, signs
    ("max.muster@beispiel.de", "max punkt muster ät beispiel punkt deh eh"),
    ("www.beispiel.de/seite_1", "weh weh weh punkt beispiel punkt deh eh schrägstrich seite unterstrich eins"),
    ("2 + 2 = 4, 5 - 3, 3 x 4", "zwei plus zwei gleich vier fünf minus drei drei mal vier"),
    ("10 : 2", "zehn geteilt durch zwei"),
    ("3:2 gewonnen", "drei zu zwei gewonnen"),
    ("Müller & Sohn", "müller und sohn"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), GOLDEN)
def test_golden(front: FrontEnd, text: str, said: str) -> None:
    assert spoken(front, text) == said
    assert spoken(front, front.expand(text)).replace(" / ", " ") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Es waren 3. Dann gingen wir.", "es waren drei / dann gingen wir"),
        ("Am 3. Mai kam er. Sie nicht.", "am dritten mai kam er / sie nicht"),
        ("Er wohnt im 3. Stock. Oben.", "er wohnt im dritten stock / oben"),
        ("Das war 1984. Die Mauer stand.", "das war neunzehnhundertvierundachtzig / die mauer stand"),
        ("Obst, z. B. Äpfel. Und Brot.", "obst zum beispiel äpfel / und brot"),
        ("Äpfel usw. Dann Brot.", "äpfel und so weiter / dann brot"),
        ("Dr. Maier kam. Er blieb.", "doktor maier kam / er blieb"),
        ("Die Hauptstr. Dort ist es.", "die hauptstraße / dort ist es"),
        ("„Wirklich?“, fragte sie. Ja.", "wirklich fragte sie / ja"),
        ("Er kostet 3,50 €. Kauf ihn!", "er kostet drei euro fünfzig / kauf ihn"),
        ("Er traf I. Kant. Sie sprachen.", "er traf ih kant / sie sprachen"),
        ("Um 14.30 Uhr. Dann Schluss.", "um vierzehn uhr dreißig / dann schluss"),
    ],
)
def test_where_sentences_end(front: FrontEnd, text: str, said: str) -> None:
    assert spoken(front, text) == said


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Ärger, Öl & Straße", "|ärger,|öl|und|straße."),
        ("Groẞ", "|groß."),
        ("Café señor Æsop Øre", "|cafe|senor|aesop|ore."),
        ("a\u0308hnlich U\u0308bung", "|ähnlich|übung."),
        ("er kam (wie immer) – nie?", "|er|kam,|wie|immer,|nie?"),
        ("Co\u00adlas ﬁn", "|colas|fin."),
        ("deutsch-türkisch", "|deutsch|türkisch."),
        ("Na so was...", "|na|so|was."),
        ("„Ja“!", "|ja!"),
    ],
)
def test_letters(text: str, units: str) -> None:
    front = FrontEnd("de", [s for s in voice_symbols("de") if s != "–"])  # an older voice, without the dash
    assert "".join(symbol for sentence in front.sentences(text) for symbol in sentence.symbols) == units


def test_words_know_their_places(front: FrontEnd) -> None:
    text = "Am 3.\u00a0Mai  kostete’s 12,50 €."
    (sentence,) = front.sentences(text)
    assert [(word.text, text[word.start : word.end]) for word in sentence.words] == [
        (word, word) for word in ("Am", "3.", "Mai", "kostete’s", "12,50 €")
    ]
    assert sentence.spoken == "am dritten mai kostete's zwölf euro fünfzig"
