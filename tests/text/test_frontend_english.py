"""English: what figures and signs say, where sentences end, and the phones of words."""

from __future__ import annotations

import pytest

from resonet.text.frontend import FrontEnd, voice_symbols
from resonet.text.lexicon import Lexicon

pytest.importorskip("num2words")

CMUDICT = """
a AH0
apple AE1 P AH0 L
bush B UH1 SH
dog D AO1 G
record R AH0 K AO1 R D
record(2) R EH1 K ER0 D
estimate EH1 S T AH0 M AH0 T
estimate(2) EH1 S T AH0 M EY2 T
use Y UW1 S
use(2) Y UW1 Z
read R EH1 D
the DH AH0
cat K AE1 T
cafe K AH0 F EY1
well W EH1 L
known N OW1 N
nasa N AE1 S AH0
example IH0 G Z AE1 M P AH0 L
it IH1 T
we W IY1
"""
LEXICON = Lexicon.read_cmudict(CMUDICT.strip().splitlines(), stress=True)


@pytest.fixture(scope="module")
def front() -> FrontEnd:
    return FrontEnd("en", voice_symbols("en"), lexicon=LEXICON)


def spoken(front: FrontEnd, text: str) -> str:
    return " / ".join(sentence.spoken for sentence in front.sentences(text))


GOLDEN = [
    # cardinals
    ("It is 0 or 7.", "it is zero or seven"),
    ("42 cats", "forty two cats"),
    ("1,234,567 stars", "one million two hundred thirty four thousand five hundred sixty seven stars"),
    ("10 000 lies", "ten zero zero zero lies"),
    ("10\u202f000 men", "ten thousand men"),
    ("-5 below", "minus five below"),
    ("agent 007", "agent zero zero seven"),
    ("1234567890123456", "one two three four five six seven eight nine zero one two three four five six"),
    ("3,000 people", "three thousand people"),
    ("2050 dollars", "two thousand fifty dollars"),
    # ordinals
    ("the 1st, 2nd, 3rd and 21st", "the first second third and twenty first"),
    ("his 100th", "his one hundredth"),
    # decimals and fractions
    ("3.14", "three point one four"),
    ("0.05", "zero point zero five"),
    (".5", "point five"),
    ("1/2 or 3/4", "one half or three quarters"),
    ("2 1/2 cups", "two and a half cups"),
    ("5/8 and ⅔", "five eighths and two thirds"),
    ("1½ hours", "one and a half hours"),
    ("22/7", "twenty two over seven"),
    # dates and years
    ("May 3, 2024", "may third twenty twenty four"),
    ("Jan. 5", "january fifth"),
    ("on 3 May 1984", "on the third of may nineteen eighty four"),
    ("the 3 May", "the third of may"),
    ("3/4/2024", "march fourth twenty twenty four"),
    ("13/4/2024", "april thirteenth twenty twenty four"),
    ("2024-05-03", "may third twenty twenty four"),
    ("03.05.2024", "may third twenty twenty four"),
    ("in 1905", "in nineteen oh five"),
    ("in 1900", "in nineteen hundred"),
    ("in 2000 and 2005", "in two thousand and two thousand five"),
    ("in 2024", "in twenty twenty four"),
    ("the 1980s and the '90s", "the nineteen eighties and the nineties"),
    ("the early 20s", "the early twenties"),
    ("1914-18", "nineteen fourteen to eighteen"),
    ("the 2008-09 season", "the two thousand eight to oh nine season"),
    ("mid-1990s, 20th-century", "mid nineteen nineties twentieth century"),
    ("70s music, 30s later", "seventies music thirty seconds later"),
    # times
    ("at 10:30am", "at ten thirty A M"),
    ("at 5 p.m.", "at five P M"),
    ("at 10:05", "at ten oh five"),
    ("at 3:00", "at three o'clock"),
    ("at 17:45", "at seventeen forty five"),
    ("9am-5pm", "nine A M to five P M"),
    ("10:30:15", "ten thirty and fifteen seconds"),
    # money
    ("$12.50", "twelve dollars and fifty cents"),
    ("$1", "one dollar"),
    ("$0.99", "ninety nine cents"),
    ("$3.5 million", "three point five million dollars"),
    ("$5bn", "five billion dollars"),
    ("£3.01", "three pounds and one penny"),
    ("10 € or €10.20", "ten euros or ten euros and twenty cents"),
    ("¥500", "five hundred yen"),
    ("50¢", "fifty cents"),
    ("5 USD", "five U S dollars"),
    ("$5-10", "five to ten dollars"),
    ("$5/month", "five dollars per month"),
    # measures
    ("5 km", "five kilometers"),
    ("1 kg", "one kilogram"),
    ("a 5-km run", "a five kilometer run"),
    ("100km/h", "one hundred kilometers per hour"),
    ("20 °C and -40°F", "twenty degrees celsius and minus forty degrees fahrenheit"),
    ("6'2\" tall", "six foot two tall"),
    ("3 m² or 3 m2", "three square meters or three square meters"),
    ("10-15 lbs", "ten to fifteen pounds"),
    ("2.5GB", "two point five gigabytes"),
    ("5% or 5-10 %", "five percent or five to ten percent"),
    # telephone
    ("Call 555-1234.", "call five five five one two three four"),
    ("(555) 123-4567", "five five five one two three four five six seven"),
    ("+1 555-123-4567", "plus one five five five one two three four five six seven"),
    # ranges, scores, versions
    ("pp. 3-5", "pages three to five"),
    ("ISBN 978-3-16-1", "I S B N nine seven eight three one six one"),
    ("20%-30%", "twenty to thirty percent"),
    ("call 911", "call nine one one"),
    ("pages 10–12", "pages ten to twelve"),
    ("won 5:3", "won five to three"),
    ("v1.2.3", "version one point two point three"),
    ("192.168.0.1", "one hundred ninety two point one hundred sixty eight point zero point one"),
    # Roman numerals
    ("Henry VIII", "henry the eighth"),
    ("Louis XIV's court", "louis the fourteenth's court"),
    ("Chapter IV", "chapter four"),
    ("World War II", "world war two"),
    ("Super Bowl LVIII, MCMXCIX", "super bowl fifty eight nineteen ninety nine"),
    ("Elizabeth I of England", "elizabeth the first of england"),
    ("Mary and I went", "mary and i went"),
    # abbreviations
    ("Dr. Smith and Mrs. Jones", "doctor smith and missus jones"),
    ("Mr and Mrs Hill", "mister and missus hill"),
    ("St. Mary on Main St.", "saint mary on main street"),
    ("12 Elm Dr.", "twelve elm drive"),
    ("No. 5, vol. 2", "number five volume two"),
    ("e.g. cats, i.e. pets, etc.", "for example cats that is pets et cetera"),
    ("cats vs. dogs", "cats versus dogs"),
    ("Smith & Co.", "smith and company"),
    # acronyms, letters
    ("the FBI's files", "the F B I's files"),
    ("NASA and DVDs", "nasa and D V D's"),
    ("the U.S. Army", "the U S army"),
    ("J. R. R. Tolkien", "J R R tolkien"),
    ("a Ph.D. in law", "a P H D in law"),
    ("Vitamin A is good", "vitamin A is good"),
    ("A man", "a man"),
    ("COVID-19, F-16, MP3", "covid nineteen F sixteen M P three"),
    ("THIS IS A LOUD LINE OF TEXT", "this is a loud line of text"),
    ("an R&D team", "an R and D team"),
    # addresses, signs
    ("www.example.com", "W W W dot example dot com"),
    ("https://example.com/a_b?x=1.", "example dot com slash A underscore B question mark X equals one"),
    ("john.doe@example.com", "john dot doe at example dot com"),
    ("readme.txt", "readme dot T X T"),
    ("2 + 2 = 4", "two plus two equals four"),
    ("5 - 3", "five minus three"),
    ("3 × 4 ÷ 2", "three times four divided by two"),
    ("#5 and #tag", "number five and hashtag tag"),
    ("§ 5 © 2024", "section five copyright twenty twenty four"),
    ("word(s)", "word s"),
    ("C# and C++, 5x, 3x4", "C sharp and C plus plus five times three by four"),
    ("50/50, 24/7", "fifty fifty twenty four seven"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), GOLDEN)
def test_golden(front: FrontEnd, text: str, said: str) -> None:
    assert spoken(front, text) == said
    # What was expanded is read the same.
    assert spoken(front, front.expand(text)).replace(" / ", " ").lower() == said.lower()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3/4/2024", "the third of april twenty twenty four"),
        ("May 3", "may the third"),
        ("120 days", "one hundred and twenty days"),
    ],
)
def test_british(text: str, said: str) -> None:
    assert spoken(FrontEnd("en-GB", voice_symbols("en")), text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("He said no. Then he left.", "he said no / then he left"),
        ("Dr. Who came. He left.", "doctor who came / he left"),
        ("At 5 p.m. He left.", "at five P M / he left"),
        ("At 5 p.m. Eastern time.", "at five P M eastern time"),
        ("In the U.S. The rest.", "in the U S / the rest"),
        ("See fig. 3. It is red.", "see figure three / it is red"),
        ("It costs $3.50. Buy it!", "it costs three dollars and fifty cents / buy it"),
        ("“Really?” she asked. Yes.", "really she asked / yes"),
        ("He cried “Stop!” Then silence.", "he cried stop / then silence"),
        ("Wait... what? no", "wait what / no"),
        ("Yahoo! is a name", "yahoo / is a name"),
        ("one line\nand the next", "one line and the next"),
        ("A heading\n\nThe text", "a heading / the text"),
        ("Buy\n- milk\n- eggs", "buy / milk / eggs"),
        ("He met J. Doe. They spoke.", "he met J doe / they spoke"),
        ("Live at 5. Go on.", "live at five / go on"),
        ("I read vol. 2. It was long.", "i read volume two / it was long"),
    ],
)
def test_where_sentences_end(front: FrontEnd, text: str, said: str) -> None:
    assert spoken(front, text) == said


def symbols(front: FrontEnd, text: str) -> str:
    return " / ".join(" ".join(sentence.symbols) for sentence in front.sentences(text))


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("The dog.", "| DH AH0 | D AO1 G ."),
        ("the apple", "| DH IY0 | AE1 P AH0 L ."),
        ("A dog?", "| AH0 | D AO1 G ?"),
        ("FBI!", "| EH1 F | B IY1 | AY1 !"),
        ("we record it", "| W IY1 | R AH0 K AO1 R D | IH1 T ."),
        ("the record", "| DH AH0 | R EH1 K ER0 D ."),
        ("we estimate; an estimate", "| W IY1 | EH1 S T AH0 M EY2 T ; | EY1 EH1 N | EH1 S T AH0 M AH0 T ."),
        ("we use it", "| W IY1 | Y UW1 Z | IH1 T ."),
        ("the use", "| DH AH0 | Y UW1 S ."),
        ("we read", "| W IY1 | R IY1 D ."),
        ("it read", "| IH1 T | R EH1 D ."),
        ("the cat's dog's", "| DH AH0 | K AE1 T S | D AO1 G Z ."),
        ("Bush's café", "| B UH1 SH IH0 Z | K AH0 F EY1 ."),
        ("well-known", "| W EH1 L | N OW1 N ."),
        ("it (the dog) — we", "| IH1 T , | DH AH0 | D AO1 G – | W IY1 ."),
        ('the "dog" it', "| DH AH0 | D AO1 G | IH1 T ."),
        ('it "the dog, we" it', "| IH1 T , | DH AH0 | D AO1 G , | W IY1 , | IH1 T ."),
        ("it, …", "| IH1 T ."),
    ],
)
def test_units(front: FrontEnd, text: str, units: str) -> None:
    assert symbols(front, text) == units


def test_words_know_their_places(front: FrontEnd) -> None:
    text = "Dr. Who’s cat, “1984”."
    (sentence,) = front.sentences(text)
    assert [word.text for word in sentence.words] == ["Dr.", "Who’s", "cat", "1984"]
    last = sentence.words[-1]
    assert text[last.start : last.end] == "1984"
    assert sentence.symbols[last.first : last.last].count("|") == 2  # nineteen, eighty, four
    assert sentence.spoken == "doctor who's cat nineteen eighty four"


def test_expanding_keeps_all_else(front: FrontEnd) -> None:
    text = "“Dr. Smith”, (aged 42)\n\npaid $5 — etc. And the naïve well-known CAT…"
    assert front.expand(text) == (
        "“doctor Smith”, (aged forty two)\n\npaid five dollars — et cetera. And the naïve well-known CAT…"
    )


def test_pauses_after_paragraphs(front: FrontEnd) -> None:
    assert [sentence.pause for sentence in front.sentences("One. Two.\n\nThree.\n\n")] == [0.0, 0.4, 0.0]
