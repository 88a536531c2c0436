"""German: what is written in figures and signs, in words."""

from __future__ import annotations

import re

from resonet.text.frontend import numbers
from resonet.text.frontend.german_short import FEMININE, GermanShort, word_before
from resonet.text.frontend.german_tables import (
    CURRENCIES,
    MONTH_NUMBERS,
    MONTHS,
    PARTS,
    SCALES,
    UNITS,
    VULGAR,
)
from resonet.text.frontend.rules import Rule, any_of

NUM = r"(?:\d{1,3}(?:\.\d{3})+(?!\d|\.\d)(?:,\d+)?|[1-9]\d{0,2}(?:[\u202f' ]\d{3})+(?!\d)(?:,\d+)?|\d+(?:,\d+)?)"
TO = rf"(?:\s?(?:-|–|bis)\s?(?P<to>{NUM}))?"
AFTER = r"(?![^\W_])"
_MONTH = any_of(MONTH_NUMBERS)
_UNIT = any_of(UNITS)
_CODE = any_of(CURRENCIES)
_SCALE = any_of(SCALES)
MONEY = rf"(?P<cur>{_CODE})\s?(?P<n>{NUM}){TO}(?:\s?(?P<scale>{_SCALE}))?{AFTER}"
_CLOCK = re.compile(r"(?:\d|uhr|Uhr)\s?\Z")
_BEFORE_PLACE = re.compile(r"(?:,\s|D-|A-|\d\s|in\s|aus\s)\Z")
_MEASURED = re.compile(r"\d\s?[^\W\d_]{0,4}[€$£%]?\Z")


class German(GermanShort):
    """`tag` de, de-AT, de-CH."""

    def letter_rules(self) -> list[Rule]:
        return [
            (MONEY, self.money),
            *super().letter_rules(),
            (r"(?:(?<=\d)|(?<=\d\s))x(?=\s?\d)", lambda m: "mal"),
            (r"v(?P<v>\d{1,4}(?:\.\d{1,6}){1,4})(?![\w])", lambda m: "version " + self.points(m["v"])),
        ]

    def digit_rules(self) -> list[Rule]:
        return [
            *super().digit_rules(),
            (r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})(?![\w-])", self.date),
            (r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4}|\d{2})(?!\w|[.,]\d)", self.date),
            (r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.(?!\d)", self.date),
            (r"(?P<h>\d{1,2})[:.](?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?\s?(?:Uhr|h)(?!\w)", self.time),
            (r"(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?![\d:])(?!,\d)", self.time),
            (r"(?P<n>1)(?=\sUhr(?!\w))", lambda m: "ein"),
            (rf"(?P<n>\d{{1,4}})\.(?=\s?(?:{_MONTH})(?!\w))", self.ordinal),
            (r"(?P<n>\d{1,3})\.\s?[-–]\s?(?P<to>\d{1,3})\.(?=\s+(?P<next>\w+))", self.ordinals),
            (r"(?P<n>\d{1,2})\.(?=,\s?\d{1,2}\.)", self.ordinal),
            (r"(?P<n>\d{1,2})\.(?=,|\s*\Z)", self.day),
            (r"(?P<n>\d{1,4})\.(?=\s+(?P<next>\w+))", self.ordinal),
            (r"0\d{1,5}\s?[/ -]\s?\d{2,12}(?:[ /-]\d{1,12}){0,6}(?![\w-])", self.telephone),
            (r"\d{1,12}(?:-\d{1,12}){2,8}(?![\w-])", self.telephone),
            (rf"(?P<n>{NUM})\s?%\s?(?:-|–|bis)\s?(?P<to>{NUM})\s?%", self.percent),
            (rf"(?P<n>{NUM})\s?%(?P<ig>ig\w*)", lambda m: self.tied(m["n"]) + "prozent" + m["ig"]),
            (rf"(?P<n>{NUM}){TO}\s?(?:%|Prozent(?!\w))", self.percent),
            (rf"(?P<n>{NUM})(?:,[-–]+)?(?P<to>)(?P<scale>)\s?(?P<cur>{_CODE}){AFTER}", self.money),
            (rf"(?P<n>{NUM}){TO}(?:\s?(?P<scale>{_SCALE}))?\s?(?P<cur>{_CODE}){AFTER}", self.money),
            (rf"(?P<n>{NUM}){TO}\s?(?P<scale>{_SCALE})(?!\w)", self.scaled),
            (r"(?P<n>\d{1,4})er(?P<rest>n)?(?!\w)", self.decade),
            (rf"(?P<n>{NUM}){TO}(?P<gap>[ -]?)(?P<u>{_UNIT}){AFTER}(?:\.(?=\s+[a-zäöü]|\s*\Z))?", self.measure),
            (
                r"(?P<n>\d{1,6})(?:-(?=[a-zäöü])|(?=mal|fach|jährig|stündig|tägig|prozent|stellig))(?P<w>[a-zäöüß]+)(?!\w)",
                lambda m: self.tied(m["n"]) + m["w"],
            ),
            (r"(?P<n>\d{1,6})x(?!\w)", lambda m: self.tied(m["n"]) + "mal"),
            (r"24/7(?![\d/])", lambda m: "vierundzwanzig sieben"),
            (
                r"(?P<n>[12]\d{3})/(?P<to>\d{2}|\d{4})(?![\w/])",
                lambda m: f"{self.year(int(m['n']))} {self.integer(str(int(m['to'])))}",
            ),
            (r"(?:(?P<w>\d+)[ -])?(?P<n>\d{1,4})/(?P<d>\d{1,4})(?![\w/])", self.fraction),
            (rf"(?P<w>\d+)?\s?(?P<v>[{''.join(VULGAR)}])", self.vulgar),
            (r"\d{1,4}(?:\.\d{1,6}){2,4}(?![\w])", lambda m: None if re.fullmatch(NUM, m[0]) else self.points(m[0])),
            (r"\d+\.(?:\d{1,2}|\d{4,})(?![\w])(?!\.\w)", lambda m: self.points(m[0])),
            (rf"(?P<n>{NUM})\s?[-–]\s?(?P<to>{NUM})(?!\w|-)", self.range),
            (r"(?P<n>\d+):(?P<to>\d+)(?![\w:])", lambda m: f"{self.number(m['n'])} zu {self.number(m['to'])}"),
            (rf"(?P<n>{NUM})(?!\w)", self.plain),
            (rf"{NUM}(?=\s?x\s?\d)", lambda m: self.number(m[0])),
        ]

    def sign_rules(self) -> list[Rule]:
        return [
            *super().sign_rules(),
            (MONEY, self.money),
            (r"\+\d{1,3}(?:[ .()/-]{1,2}\d{1,12}){1,8}(?!\w)", self.telephone),
            (r"\(0\d{2,5}\)\s?\d{2,12}(?:[ -]\d{1,8}){0,4}(?![\w-])", self.telephone),
            (rf"(?P<w>)(?P<v>[{''.join(VULGAR)}])", self.vulgar),
            (r"(?<![^\s(\[=<>+*/×÷,:])-(?=\d)", lambda m: "minus"),
            (r"(?<=\d )-(?=\s\d)", lambda m: "minus"),
            (
                r"[-–](?=\s?\d{1,2}(?::\d\d|(?:\.\d\d)?\s?Uhr))",
                lambda m: "bis" if _CLOCK.search(m.string, max(0, m.start() - 5), m.start()) else None,
            ),
            (r"(?<=[a-zäöüß])[:*](?=in(?:nen)?(?!\w))", lambda m: ""),
            (r"§§\s?", lambda m: "paragrafen"),
            (r"#(?=\d)", lambda m: "nummer"),
            (r"#(?=\w)", lambda m: "häschtäg"),
            (r"~\s?(?=\d)", lambda m: "ungefähr"),
            (r"(?<=\d)\s?[*·]\s?(?=\d)|(?<=\d\s)[*·](?=\s\d)", lambda m: "mal"),
            (r"(?<=\d\s)[:/](?=\s\d)", lambda m: "geteilt durch"),
            (r"\*\s?(?=\d{1,2}\.|\d{4})", lambda m: "geboren"),
            (r"†\s?(?=\d)", lambda m: "gestorben"),
            (rf"/(?P<u>{_UNIT}|Tag|Jahr|Monat|Woche|Stunde|Person|Stück){AFTER}", self.per),
            (r"[<>](?=\s?\d)", lambda m: "kleiner als" if m[0] == "<" else "größer als"),
        ]

    # Numbers.

    def number(self, text: str) -> str:
        """1.234,5 -> eintausendzweihundertvierunddreißig komma fünf."""
        whole, comma, decimals = re.sub(r"[.' \u202f]", "", text).partition(",")
        words = self.integer(whole)
        return f"{words} komma {self.digits(decimals)}" if comma else words

    def tied(self, text: str) -> str:
        """A number as the first part of a word: 1 -> ein, 3 -> drei."""
        words = self.number(text).replace(" ", "")
        return words[:-1] if words.endswith("eins") else words

    def points(self, text: str) -> str:
        return " punkt ".join(self.integer(part) for part in text.split("."))

    def year(self, year: int) -> str:
        """1984 -> neunzehnhundertvierundachtzig, 2024 -> zweitausendvierundzwanzig."""
        century, rest = divmod(year, 100)
        if not 11 <= century <= 19:
            return self.integer(str(year))
        return f"{self.integer(str(century))}hundert{self.integer(str(rest)) if rest else ''}"

    def plain(self, match: re.Match[str]) -> str | None:
        text = match["n"]
        if len(text) == 4 and text.isdigit() and 1100 <= int(text) < 2000:
            return self.year(int(text))
        before = word_before(match)
        if text == "1" and before not in PARTS:
            noun = re.match(r"\s([A-ZÄÖÜ][a-zäöüß]+)", match.string[match.end() : match.end() + 40])
            if noun:
                return "eine" if FEMININE.fullmatch(noun[1].lower()) else "ein"
        if len(text) == 5 and text.isdigit() and (before in ("plz", "postleitzahl") or self.postcode(match)):
            return self.digits(text)
        return self.number(text)

    def postcode(self, match: re.Match[str]) -> bool:
        """Whether five digits stand before the name of a place: in 80331 München."""
        text = match.string
        cue = _BEFORE_PLACE.search(text, max(0, match.start() - 4), match.start())
        place = re.match(r"\s[A-ZÄÖÜ]", text[match.end() : match.end() + 2])
        return bool(cue and place) and not match["n"].endswith("00")

    def range(self, match: re.Match[str]) -> str | None:
        if re.search(r"\s-\s", match[0]):  # a sum
            return None
        return " bis ".join(
            self.year(int(n)) if re.fullmatch(r"1[1-9]\d\d", n) else self.number(n) for n in match.group("n", "to")
        )

    def decade(self, match: re.Match[str]) -> str | None:
        digits = match["n"]
        words = self.year(int(digits)) if len(digits) == 4 else self.integer(digits)
        return (words.removesuffix("s") if words.endswith("eins") else words) + "er" + (match["rest"] or "")

    def fraction(self, match: re.Match[str]) -> str | None:
        if match["n"][0] == "0" or match["d"][0] == "0":
            return None
        return self.part(match["w"], int(match["n"]), int(match["d"]))

    def vulgar(self, match: re.Match[str]) -> str | None:
        return self.part(match["w"], *VULGAR[match["v"]])

    def part(self, whole: str | None, above: int, below: int) -> str:
        """3/4 -> drei viertel, 2 1/2 -> zweieinhalb."""
        if below == 2 and above == 1:
            return f"{self.tied(whole)}einhalb" if whole else "ein halb"
        count = "ein" if above == 1 else self.integer(str(above))
        if below == 1:
            words = f"{self.integer(str(above))} durch eins"
        else:
            words = f"{count} {'halbe' if below == 2 else numbers.ordinal(below, 'de') + 'l'}"
        return f"{self.integer(whole)} {words}" if whole else words

    # Amounts.

    def amount(self, match: re.Match[str]) -> str:
        return self.number(match["n"]) + (f" bis {self.number(match['to'])}" if match["to"] else "")

    def percent(self, match: re.Match[str]) -> str | None:
        one = match["n"] == "1" and not match["to"]
        return "ein prozent" if one else f"{self.amount(match)} prozent"

    def counted(self, match: re.Match[str], unit: str) -> str:
        """`unit`: ein kilometer|kilometer, or kilometer for just that."""
        one, bar, many = unit.partition("|")
        if match["n"] == "1" and not match["to"]:
            return one if bar else f"ein {one}"
        return f"{self.amount(match)} {many or one}"

    def measure(self, match: re.Match[str]) -> str | None:
        return self.counted(match, UNITS[match["u"]])

    def per(self, match: re.Match[str]) -> str | None:
        if not _MEASURED.search(match.string, max(0, match.start() - 8), match.start()):
            return None
        unit = UNITS.get(match["u"], match["u"].lower()).partition("|")[0]
        return "pro " + re.sub(r"\Aeine? ", "", unit)

    def scaled(self, match: re.Match[str]) -> str | None:
        return self.counted(match, SCALES[match["scale"]])

    def money(self, match: re.Match[str]) -> str | None:
        name, cent = CURRENCIES[match["cur"]]
        if match["scale"]:
            return f"{self.scaled(match)} {name}"
        whole, _, rest = re.sub(r"[.' \u202f]", "", match["n"]).partition(",")
        if match["to"] or not cent or len(rest) != 2:
            return self.counted(match, name)
        amount = "ein" if whole == "1" else self.integer(whole)
        if whole == "0" and int(rest):
            return f"{'ein' if int(rest) == 1 else self.integer(str(int(rest)))} {cent}"
        return f"{amount} {name}" + (f" {self.integer(str(int(rest)))}" if int(rest) else "")

    def telephone(self, match: re.Match[str]) -> str | None:
        groups = re.findall(r"\d+", match[0])
        return ("plus " if match[0][0] == "+" else "") + " , ".join(map(self.digits, groups))

    # Dates and times.

    def date(self, match: re.Match[str]) -> str | None:
        year = match.groupdict().get("y") or ""
        if not year and word_before(match) in PARTS:  # Kapitel 5.3.
            return None
        return self.spoken_date(int(match["d"]), int(match["m"]), year, self.ending(match, None))

    def spoken_date(self, day: int, month: int, year: str = "", ending: str = "r") -> str | None:
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return None
        words = f"{self.ordinal_word(day, ending)} {MONTHS[month - 1]}"
        if not year:
            return words
        return f"{words} {self.year(int(year)) if len(year) == 4 else self.integer(year)}"

    def time(self, match: re.Match[str]) -> str | None:
        hour, minute, second = int(match["h"]), int(match["m"]), match["s"]
        if hour > 24:
            return None
        words = f"{'ein' if hour == 1 else self.integer(str(hour))} uhr"
        if minute or second:
            words += " " + self.integer(str(minute))
        if second:
            words += f" und {'eine sekunde' if int(second) == 1 else self.integer(str(int(second))) + ' sekunden'}"
        return words
