"""English: what is written in figures and signs, in words.

The month comes first, unless the tag names a country where the day does.
"""

from __future__ import annotations

import re

from resonet.text.frontend.english_short import EnglishShort
from resonet.text.frontend.english_tables import (
    COUNTED,
    CURRENCIES,
    DENOMINATORS,
    MONTH_NUMBERS,
    MONTHS,
    SCALES,
    UNITS,
    VULGAR,
)
from resonet.text.frontend.rules import Rule, any_of

NUM = r"(?:\d{1,3}(?:[,\u202f]\d{3})+(?!\d|,\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
TO = rf"(?:\s?[-–]\s?(?P<to>{NUM}))?"
AFTER = r"(?![^\W_])"
_MONTH = any_of(MONTH_NUMBERS)
_UNIT = any_of(UNITS)
_CODE = any_of(CURRENCIES)
_SCALE = any_of(SCALES)
MONEY = (
    rf"(?P<cur>{_CODE})\s?(?P<n>{NUM})(?:\s?[-–]\s?(?:{_CODE})?(?P<to>{NUM}))?"
    rf"(?:\s?(?P<scale>{_SCALE}))?{AFTER}"
)
_CLOCK = re.compile(r"(?:\d|[ap]\.?m\.?)\s?\Z")
_DIALLED = re.compile(r"\b(?:call|dial|phone)(?:s|ed|ing)? \Z")
_MEASURED = re.compile(r"\d\s?[^\W\d_]{0,4}[€$£%]?\Z")


class English(EnglishShort):
    """`tag` en, en-US: 3/4/2024 is March fourth; en-GB, en-AU ...: the third of April."""

    def letter_rules(self) -> list[Rule]:
        return [
            (
                rf"(?P<month>{_MONTH})\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?P<year>,?\s[12]\d{{3}})?{AFTER}(?![:.]\d)",
                self.month_day,
            ),
            (MONEY, self.money),
            *super().letter_rules(),
            (r"(?:(?<=\d)|(?<=\d\s))x(?=\s?\d)", lambda m: "by"),
            (r"v(?:er)?(?P<v>\d{1,4}(?:\.\d{1,6}){1,4})(?![\w])", lambda m: "version " + self.points(m["v"])),
        ]

    def digit_rules(self) -> list[Rule]:
        return [
            *super().digit_rules(),
            (r"(?P<y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})(?![\w/-])", self.date),
            (r"(?P<a>\d{1,2})(?P<sep>[/.-])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4}|\d{2})(?![\w/-])(?!\.\d)", self.date),
            (rf"(?P<day>\d{{1,2}})\s(?P<month>{_MONTH})(?P<year>,?\s[12]\d{{3}})?{AFTER}", self.day_month),
            (
                r"(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?![\d:])(?:\s?(?P<half>[ap])(?:m(?!\w)|\.m\.?(?!\w)))?",
                self.time,
            ),
            (r"(?P<h>\d{1,2})\s?(?P<half>[ap])(?:m(?!\w)|\.m\.?(?!\w))", self.time),
            (r"(?P<h>\d{1,2})(?::(?P<m>[0-5]\d))?\s?(?P<half>[AP])\.?M\.?(?!\w)", self.time),
            (r"(?:1[-. ])?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}(?![\w-])", self.telephone),
            (r"\d{3}-\d{4}(?![\w-])", self.telephone),
            (r"0\d{2,4}(?:[ -]\d{3,4}){2}(?![\w-])", self.telephone),
            (r"\d{1,12}(?:-\d{1,12}){2,8}(?![\w-])", self.telephone),
            (r"(?P<n>(?:1[0-9]|20)\d0)'?s(?!\w)", self.decade),
            (
                r"(?:(?<=\bthe )|(?<=\bmid-)|(?<=\blate )|(?<=\bhis )|(?<=\bher )|(?<=\bearly ))(?P<n>[2-9]0)'?s(?!\w)",
                self.decade,
            ),
            (r"(?P<n>[5-9]0)s(?!\w)", self.decade),
            (rf"(?P<n>{NUM})\s?%\s?[-–]\s?(?P<to>{NUM})\s?%", self.percent),
            (
                r"(?:911|999|112|411)(?!\w)",
                lambda m: self.digits(m[0]) if _DIALLED.search(m.string, max(0, m.start() - 12), m.start()) else None,
            ),
            (rf"(?P<n>{NUM}){TO}\s?%", self.percent),
            (rf"(?P<n>{NUM}){TO}(?:\s?(?P<scale>{_SCALE}))?\s?(?P<cur>{_CODE}){AFTER}", self.money),
            (
                r"(?P<f>\d{1,2})'\s?(?P<i>\d{1,2})(?:\"|'')",
                lambda m: f"{self.number(m['f'])} foot {self.number(m['i'])}",
            ),
            (rf"(?P<n>{NUM}){TO}(?P<gap>[ -]?)(?P<u>{_UNIT}){AFTER}(?:\.(?=\s+[a-z]|\s*\Z))?", self.measure),
            (r"(?P<n>\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)(?!\w)", lambda m: self.ordinal(m["n"])),
            (rf"(?P<n>{NUM})x(?!\w)", lambda m: f"{self.number(m['n'])} times"),
            (r"24/7(?![\d/])", lambda m: "twenty four seven"),
            (r"9/11(?![\d/])", lambda m: "nine eleven"),
            (r"50/50(?![\d/])", lambda m: "fifty fifty"),
            (r"(?:(?P<w>\d+)[ -])?(?P<n>\d{1,4})/(?P<d>\d{1,4})(?![\w/])", self.fraction),
            (rf"(?P<w>\d+)?\s?(?P<v>[{''.join(VULGAR)}])", self.vulgar),
            (r"\d{1,3}(?:\.\d{1,6}){2,4}(?!\w)", lambda m: self.points(m[0])),
            (rf"(?P<n>{NUM})\s?[-–]\s?(?P<to>{NUM})(?!\w|-)", self.range),
            (r"(?P<n>\d+):(?P<to>\d+)(?![\w:])", self.range),
            (rf"(?P<n>{NUM})(?!\w)(?:\s(?P<scale>million|billion|trillion)(?!\w))?", self.plain),
            (rf"{NUM}(?=\s?x\s?\d|s(?!\w))", lambda m: self.number(m[0])),
        ]

    def sign_rules(self) -> list[Rule]:
        return [
            *super().sign_rules(),
            (MONEY, self.money),
            (r"\.\d+\s?%", lambda m: f"{self.number(m[0].rstrip(' %'))} percent"),
            (rf"(?P<n>\.\d+)(?P<to>)(?P<gap>[ -]?)(?P<u>{_UNIT}){AFTER}", self.measure),
            (r"\.\d+(?!\w)", lambda m: self.number(m[0])),
            (r"\+\d{1,3}(?:[ .()/-]{1,2}\d{1,12}){1,8}(?!\w)", self.telephone),
            (r"\(\d{3}\) ?\d{3}[-. ]\d{4}(?![\w-])", self.telephone),
            (r"'(?P<n>\d0)s(?!\w)", self.decade),
            (rf"(?P<w>)(?P<v>[{''.join(VULGAR)}])", self.vulgar),
            (r"(?<![^\s(\[=<>+*/×÷,:])-(?=[.$£€]?\d)", lambda m: "minus"),
            (r"(?<=\d )-(?=\s\d)", lambda m: "minus"),
            (
                r"[-–](?=\s?\d{1,2}(?::\d\d|\s?[ap]\.?m))",
                lambda m: "to" if _CLOCK.search(m.string, max(0, m.start() - 8), m.start()) else None,
            ),
            (r"(?<=[A-G])#(?!\w)", lambda m: "sharp"),
            (r"#(?=\d)", lambda m: "number"),
            (r"(?:(?<=\dst)|(?<=\dnd)|(?<=\drd)|(?<=\dth))[-–](?=\d+(?:st|nd|rd|th)(?!\w))", lambda m: "to"),
            (r"#(?=\w)", lambda m: "hashtag"),
            (r"~\s?(?=\d)", lambda m: "about"),
            (r"(?<=\d)\s?\*\s?(?=\d)", lambda m: "times"),
            (r"(?<=\d\s)[*](?=\s\d)", lambda m: "times"),
            (r"(?<=\d\s)/(?=\s\d)", lambda m: "divided by"),
            (rf"/(?:(?P<u>{_UNIT}){AFTER}|(?=[a-z]))", self.per),
            (r"&c\.?(?!\w)", lambda m: "et cetera"),
            (r"[<>](?=\s?\d)", lambda m: "less than" if m[0] == "<" else "greater than"),
        ]

    # Numbers.

    def number(self, text: str) -> str:
        """1,234.5 -> one thousand two hundred thirty four point five."""
        whole, point, decimals = text.replace(",", "").replace("\u202f", "").partition(".")
        words = self.integer(whole) if whole else ""
        return f"{words} point {self.digits(decimals)}".strip() if point else words

    def points(self, text: str) -> str:
        """Versions and addresses: 3.11.2."""
        return " point ".join(self.integer(part) for part in text.split("."))

    def plain(self, match: re.Match[str]) -> str | None:
        text, scale = match["n"], match["scale"]
        if scale:
            return f"{self.number(text)} {scale}"
        if len(text) == 4 and text.isdigit() and 1100 <= int(text) < 2100:
            following = re.match(r"\s([a-z]+)", match.string[match.end() : match.end() + 20])
            if not (following and following[1] in COUNTED and int(text) % 100):
                return self.year(int(text))
        return self.number(text)

    def range(self, match: re.Match[str]) -> str | None:
        first, last = match["n"], match["to"]
        if re.search(r"\s-\s", match[0]):  # a sum
            return None
        if len(first) == 4 and first.isdigit() and 1100 <= int(first) < 2100 and len(last) in (2, 4) and last.isdigit():
            until = self.year(int(last)) if len(last) == 4 else self.short_year(int(last))
            return f"{self.year(int(first))} to {until}"
        return f"{self.number(first)} to {self.number(last)}"

    def decade(self, match: re.Match[str]) -> str | None:
        digits = match["n"]
        words = self.year(int(digits)) if len(digits) > 2 else self.integer(digits)
        return words[:-1] + "ies" if words.endswith("y") else words + "s"

    def fraction(self, match: re.Match[str]) -> str | None:
        if match["n"][0] == "0" or match["d"][0] == "0":
            return None
        return self.mixed(match["w"], int(match["n"]), int(match["d"]))

    def vulgar(self, match: re.Match[str]) -> str | None:
        return self.mixed(match["w"], *VULGAR[match["v"]])

    def mixed(self, whole: str | None, above: int, below: int) -> str:
        """2 1/2 -> two and a half."""
        words = self.part(above, below)
        if not whole:
            return words
        return f"{self.integer(whole)} and {'a' + words[3:] if words.startswith('one ') else words}"

    def part(self, above: int, below: int) -> str:
        """3/4 -> three quarters; 22/350 -> twenty two over three hundred fifty."""
        many = "" if above == 1 else "s"
        if below == 2:
            return f"{self.integer(str(above))} {'half' if above == 1 else 'halves'}"
        if below == 4:
            return f"{self.integer(str(above))} quarter{many}"
        if below in DENOMINATORS and above < below:
            return f"{self.integer(str(above))} {self.ordinal(str(below))}{many}"
        return f"{self.integer(str(above))} over {self.integer(str(below))}"

    # Amounts.

    def amount(self, match: re.Match[str]) -> str:
        return self.number(match["n"]) + (f" to {self.number(match['to'])}" if match["to"] else "")

    def percent(self, match: re.Match[str]) -> str | None:
        return f"{self.amount(match)} percent"

    def measure(self, match: re.Match[str]) -> str | None:
        unit = UNITS[match["u"]]
        if match["u"] == "in" and match["gap"]:  # 5 in a row
            return None
        one, _, many = unit.partition("|")
        single = (match["n"] == "1" and not match["to"]) or (match["gap"] == "-")
        return f"{self.amount(match)} {one if single else many or one + 's'}"

    def per(self, match: re.Match[str]) -> str | None:
        """The stroke of 5 mol/l, $3/month."""
        if not _MEASURED.search(match.string, max(0, match.start() - 8), match.start()):
            return None
        return "per " + UNITS[match["u"]].partition("|")[0] if match["u"] else "per"

    def money(self, match: re.Match[str]) -> str | None:
        one, many, cent, cents = CURRENCIES[match["cur"]]
        scale = match["scale"]
        if scale:
            return f"{self.amount(match)} {SCALES[scale]} {many}"
        whole, _, rest = match["n"].partition(".")
        if match["to"] or not cent or len(rest) != 2:
            return f"{self.amount(match)} {one if match['n'] == '1' and not match['to'] else many}"
        parts = []
        if int((whole or "0").replace(",", "")) or not int(rest):
            parts.append(f"{self.number(whole or '0')} {one if whole == '1' else many}")
        if int(rest):
            parts.append(f"{self.integer(str(int(rest)))} {cent if int(rest) == 1 else cents}")
        return " and ".join(parts)

    def telephone(self, match: re.Match[str]) -> str | None:
        groups = re.findall(r"\d+", match[0])
        return ("plus " if match[0][0] == "+" else "") + " , ".join(map(self.digits, groups))

    # Dates and times.

    def date(self, match: re.Match[str]) -> str | None:
        parts = match.groupdict()
        if "m" in parts:
            month, day = int(parts["m"]), int(parts["d"])
        else:
            month, day = int(parts["a"]), int(parts["b"])
            if parts["sep"] == "." or (self.day_first and day <= 12) or month > 12:
                month, day = day, month
        return self.spoken_date(day, month, parts["y"])

    def spoken_date(self, day: int, month: int, year: str = "") -> str | None:
        """March third, twenty twenty four; or, day first, the third of March, ..."""
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return None
        name, ordinal = MONTHS[month - 1], self.ordinal(str(day))
        words = f"the {ordinal} of {name}" if self.day_first else f"{name} {ordinal}"
        if not year:
            return words
        return f"{words} , {self.year(int(year)) if len(year) == 4 else self.integer(year)}"

    def month_day(self, match: re.Match[str]) -> str | None:
        day, month = int(match["day"]), MONTH_NUMBERS[match["month"]]
        if not 1 <= day <= 31:
            return None
        year = match["year"] or ""
        words = f"{MONTHS[month - 1]} {'the ' if self.day_first else ''}{self.ordinal(str(day))}"
        return words + (f" , {self.year(int(year[-4:]))}" if year else "")

    def day_month(self, match: re.Match[str]) -> str | None:
        day, month = int(match["day"]), MONTH_NUMBERS[match["month"]]
        if not 1 <= day <= 31:
            return None
        before = match.string[max(0, match.start() - 4) : match.start()].lower()
        year = match["year"] or ""
        words = f"{'' if before.endswith('the ') else 'the '}{self.ordinal(str(day))} of {MONTHS[month - 1]}"
        return words + (f" , {self.year(int(year[-4:]))}" if year else "")

    def time(self, match: re.Match[str]) -> str | None:
        parts = match.groupdict()
        hour, minute, second, half = int(parts["h"]), parts.get("m"), parts.get("s"), parts.get("half")
        if hour > 24 or (half and not 1 <= hour <= 12):
            return None
        words = self.integer(str(hour))
        if minute and int(minute):
            words += f" {'oh ' if minute[0] == '0' else ''}{self.integer(str(int(minute)))}"
        elif minute and not half and not second:
            clock = re.match(r"\s?o'clock", match.string[match.end() : match.end() + 10])
            words += "" if clock else " o'clock" if hour <= 12 else " hundred"
        if second:
            words += f" and {self.integer(str(int(second)))} second{'' if int(second) == 1 else 's'}"
        return words + (f" {half.upper()} M" if half else "")
