"""Mandarin: what is written in figures and signs, in Chinese characters; Latin letters by their names."""

from __future__ import annotations

import re

from resonet.text.frontend import numbers
from resonet.text.frontend.pinyin import HAN
from resonet.text.frontend.rules import Reading, Rule, Token, any_of
from resonet.text.frontend.split import Dots

NUM = r"(?:\d{1,3}(?:,\d{3})+(?!\d|,\d)(?:\.\d+)?|\d+(?:\.\d+)?)"
TO = rf"(?:\s?[-–—~至到]\s?(?P<to>{NUM}))?"
AFTER = r"(?![A-Za-z0-9])"

DIGITS = "零一二三四五六七八九"
# Two of these are 两, not 二.
_COUNTED = frozenset(
    "个只条本张件位名次天周年小分秒块元斤公米倍岁种杯碗瓶辆台座家间层点半千万亿者边面人岸国地口头匹双对套支枝把朵棵片句步场部群组"
)
_NOT_COUNTED = re.compile(r"月|日|号|楼|年级|点[零一二三四五六七八九]|分之|等")
UNITS = {
    "km/h": "公里每小时", "m/s": "米每秒", "km²": "平方公里", "km2": "平方公里", "m²": "平方米", "m2": "平方米",
    "cm²": "平方厘米", "m³": "立方米", "m3": "立方米", "km": "公里", "cm": "厘米", "mm": "毫米", "μm": "微米",
    "nm": "纳米", "m": "米", "kg": "公斤", "mg": "毫克", "g": "克", "t": "吨", "ml": "毫升", "mL": "毫升", "l": "升",
    "L": "升", "kWh": "千瓦时", "kW": "千瓦", "MW": "兆瓦", "W": "瓦", "V": "伏", "mA": "毫安", "mAh": "毫安时",
    "Hz": "赫兹", "kHz": "千赫", "MHz": "兆赫", "GHz": "吉赫", "dB": "分贝", "°C": "摄氏度", "° C": "摄氏度",
    "°F": "华氏度", "°": "度", "h": "小时", "min": "分钟", "ms": "毫秒", "s": "秒", "ha": "公顷", "Pa": "帕",
    "kPa": "千帕", "kcal": "千卡", "cal": "卡",
}  # fmt: skip
CURRENCIES = {
    "¥": "元", "￥": "元", "CNY": "元", "RMB": "元", "$": "美元", "US$": "美元", "USD": "美元", "€": "欧元",
    "EUR": "欧元", "£": "英镑", "GBP": "英镑", "HK$": "港元", "HKD": "港元", "JPY": "日元", "₩": "韩元",
}  # fmt: skip
VULGAR = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅛": (1, 8)}
NAMES = {
    ".": "点", "@": "艾特", "/": "斜杠", "-": "杠", "_": "下划线", ":": "冒号", "#": "井号", "?": "问号", "=": "等于",
    "&": "和", "+": "加", "%": "百分号", "~": "波浪号", ",": "逗号", "!": "感叹号", "*": "星号",
}  # fmt: skip
SIGNS = {
    "&": "和", "@": "艾特", "%": "百分之", "+": "加", "=": "等于", "×": "乘", "÷": "除以", "±": "正负", "≈": "约等于",
    "≠": "不等于", "≤": "小于等于", "≥": "大于等于", "°": "度", "€": "欧元", "$": "美元", "£": "英镑", "¥": "元",
    "√": "根号", "∞": "无穷大", "π": "派", "№": "第", "^": "的", "#": "井号", "α": "阿尔法", "β": "贝塔", "γ": "伽马",
}  # fmt: skip

_UNIT = any_of(UNITS)
_CODE = any_of(CURRENCIES)
_BIG = "(?:[十百千万亿]+)?"
_DIALLED = re.compile(r"(?:电话|手机|号码|拨打|热线|致电|传真|微信|邮编|尾号|QQ)[^\d]{0,6}\Z")
MONEY = rf"(?P<cur>{_CODE})\s?(?P<n>{NUM}){TO}(?P<big>{_BIG}){AFTER}"


class Mandarin(Reading):
    """`tag` zh, zh-CN, cmn; written in simplified or traditional characters."""

    dots = Dots()
    names = NAMES
    signs = SIGNS

    def letter_rules(self) -> list[Rule]:
        return [
            *super().letter_rules(),
            (MONEY, self.money),
            (rf"(?P<r>[IVX]{{2,7}}){AFTER}", lambda m: self.integer(str(v)) if (v := numbers.roman(m["r"])) else None),
            (r"第(?P<n>\d{1,9})(?!\d)", lambda m: "第" + chinese(int(m["n"]))),
            (
                r"x(?=\s?\d)",
                lambda m: "乘" if re.search(r"\d\s?\Z", m.string[max(0, m.start() - 2) : m.start()]) else None,
            ),
            (r"[至到](?=\d)", lambda m: m[0]),
        ]

    def digit_rules(self) -> list[Rule]:
        return [
            *super().digit_rules(),
            (r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?![A-Za-z0-9/-])(?!\.\d)", self.date),
            (
                r"(?P<n>[12]\d{3})\s?[-–—~至到]\s?(?P<to>[12]\d{3})(?=年)",
                lambda m: f"{self.digits(m['n'])}到{self.digits(m['to'])}",
            ),
            (
                r"(?P<n>[12]\d{3}|0\d|[5-9]\d)(?=年(?!代|前|后|来|间|时|的))|(?P<n2>[12]\d{3})(?=年)",
                lambda m: self.digits(m[0]),
            ),
            (
                r"(?P<n>[1-9]0)(?=年代|后(?!\w*[年天月]))",
                lambda m: self.integer(m["n"]) if m.string[m.end()] == "年" else self.digits(m["n"]),
            ),
            (
                r"(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?![\d:])(?:\s?(?P<half>[apAP])\.?[mM]\.?(?!\w))?",
                self.time,
            ),
            (r"1[3-9]\d{9}(?!\d)", lambda m: self.dialled(m[0])),
            (r"1[3-9]\d[ -]\d{4}[ -]\d{4}(?!\d)", lambda m: self.dialled(m[0])),
            (r"(?:0\d{2,3}[- ])\d{7,8}(?:-\d{1,5})?(?!\d)", lambda m: self.dialled(m[0])),
            (r"[48]00[- ]\d{3,4}[- ]\d{3,4}(?!\d)", lambda m: self.dialled(m[0])),
            (
                r"\d{3,12}(?:-\d{2,8}){0,3}(?!\d)",
                lambda m: self.dialled(m[0]) if _DIALLED.search(m.string, max(0, m.start() - 12), m.start()) else None,
            ),
            (r"\d{3,4}(?=室|房|号房|次列车|次航班|路公交)", lambda m: self.dialled(m[0])),
            (rf"(?P<n>{NUM})\s?%(?:\s?[-–—~至到]\s?(?P<to>{NUM})\s?%)?", self.percent),
            (rf"(?P<n>{NUM})\s?[-–—~]\s?(?P<to>{NUM})\s?%", self.percent),
            (rf"(?P<n>{NUM})\s?‰", lambda m: f"千分之{self.number(m['n'])}"),
            (rf"(?P<n>{NUM}){TO}(?P<big>{_BIG})\s?(?P<cur>{_CODE}){AFTER}", self.money),
            (rf"(?P<n>{NUM}){TO}(?P<big>{_BIG})\s?(?P<u>{_UNIT}){AFTER}", self.measure),
            (
                r"(?:(?P<w>\d+)[ ])?(?P<n>\d{1,4})/(?P<d>\d{1,4})(?![\w/])",
                lambda m: self.part(m["w"], int(m["n"]), int(m["d"])),
            ),
            (rf"(?P<w>\d+)?\s?(?P<v>[{''.join(VULGAR)}])", lambda m: self.part(m["w"], *VULGAR[m["v"]])),
            (r"\d{1,4}(?:\.\d{1,6}){2,4}(?!\w)", lambda m: "点".join(map(self.integer, m[0].split(".")))),
            (r"(?P<n>\d+):(?P<to>\d+)(?![\d:])", lambda m: f"{self.integer(m['n'])}比{self.integer(m['to'])}"),
            (rf"(?P<n>{NUM})\s?[-–—~]\s?(?P<to>{NUM})(?![\d-])", self.range),
            (rf"(?P<n>{NUM})", self.plain),
        ]

    def sign_rules(self) -> list[Rule]:
        return [
            *super().sign_rules(),
            (MONEY, self.money),
            (
                rf"-(?P<n>{NUM})\s?°(?:C)?{AFTER}",
                lambda m: f"零下{self.number(m['n'])}" + ("摄氏度" if "C" in m[0] else "度"),
            ),
            (r"\+\d{1,3}(?:[ .()/-]{1,2}\d{1,12}){1,8}(?!\w)", lambda m: "加" + self.dialled(m[0])),
            (r"(?<![^\s(\[=<>+*/×÷,:\u4e00-\u9fff])-(?=\d)", lambda m: "负"),
            (r"(?<=\d )-(?=\s\d)", lambda m: "减"),
            (
                r"[-–—~](?=\s?\d{1,2}:\d\d)",
                lambda m: "到" if re.search(r"\d\s?\Z", m.string[max(0, m.start() - 2) : m.start()]) else None,
            ),
            (rf"(?P<w>)(?P<v>[{''.join(VULGAR)}])", lambda m: self.part("", *VULGAR[m["v"]])),
            (r"(?<=\d)\s?\*\s?(?=\d)", lambda m: "乘"),
            (r"~\s?(?=\d)", lambda m: "约"),
            (r"[<>](?=\s?\d)", lambda m: "小于" if m[0] == "<" else "大于"),
        ]

    def compound(self, text: str, i: int, shouted: bool) -> Token:
        """Chinese characters one by one; runs of Latin letters and digits together."""
        c = text[i]
        if HAN.match(c):
            return Token(i, i + 1, (c,))
        match = re.compile(r"[A-Za-z0-9]+(?:['-][A-Za-z0-9]+)*").match(text, i)
        if match is None:
            return Token(i, i + 1, (c.lower(),))
        words: list[str] = []
        for run in re.findall(r"[A-Za-z]+|\d+", match[0]):
            words += self.spell(run) if run[0].isalpha() else [self.integer(run)]
        return Token(i, match.end(), tuple(words))

    def _token(self, text: str, i: int, shouted: bool) -> Token:
        c = text[i]
        if HAN.match(c) and c not in "第至到":
            return Token(i, i + 1, (c,))
        if c.isalpha() and not HAN.match(c) and c.isascii():
            for pattern, say in self.for_letters:
                match = pattern.match(text, i)
                said = say(match) if match else None
                if match and said is not None:
                    return Token(i, match.end(), tuple(said.split()))
            return self.compound(text, i, shouted)
        return super()._token(text, i, shouted)

    def label(self, word: str) -> bool:
        return False

    # Numbers.

    def integer(self, digits: str) -> str:
        if len(digits) > 16 or (len(digits) > 1 and digits[0] == "0"):
            return self.digits(digits)
        return chinese(int(digits))

    def digits(self, digits: str) -> str:
        return "".join(DIGITS[int(c)] for c in digits)

    def spell(self, letters: str) -> list[str]:
        return [DIGITS[int(c)] if c.isdecimal() else c.upper() for c in letters]

    def dialled(self, text: str) -> str:
        """Digits of a telephone, 1 as 幺."""
        return " , ".join(self.digits(group).replace("一", "幺") for group in re.findall(r"\d+", text))

    def number(self, text: str) -> str:
        whole, point, decimals = text.replace(",", "").partition(".")
        return self.integer(whole) + (f"点{self.digits(decimals)}" if point else "")

    def counted(self, text: str, following: str) -> str:
        """A number before what it counts: two is 两 there."""
        words = self.number(text)
        if text == "2" and following[:1] in _COUNTED and not _NOT_COUNTED.match(following):
            return "两"
        return words

    def plain(self, match: re.Match[str]) -> str | None:
        following = match.string[match.end() : match.end() + 4].lstrip()
        return self.counted(match["n"], following)

    def range(self, match: re.Match[str]) -> str | None:
        if re.search(r"\s-\s", match[0]):
            return None
        following = match.string[match.end() : match.end() + 4].lstrip()
        return f"{self.number(match['n'])}到{self.counted(match['to'], following)}"

    def part(self, whole: str | None, above: int, below: int) -> str:
        words = f"{chinese(below)}分之{chinese(above)}"
        return f"{self.integer(whole)}又{words}" if whole else words

    # Amounts.

    def percent(self, match: re.Match[str]) -> str | None:
        words = f"百分之{self.number(match['n'])}"
        return f"{words}到百分之{self.number(match['to'])}" if match["to"] else words

    def amount(self, match: re.Match[str], following: str) -> str:
        following = match["big"] or following
        words = self.counted(match["n"], following)
        if match["to"]:
            words += "到" + self.counted(match["to"], following)
        return words + match["big"]

    def measure(self, match: re.Match[str]) -> str | None:
        unit = UNITS[match["u"]]
        return self.amount(match, unit) + unit

    def money(self, match: re.Match[str]) -> str | None:
        name = CURRENCIES[match["cur"]]
        whole, _, rest = match["n"].partition(".")
        if name == "元" and len(rest) == 2 and not match["to"] and not match["big"]:
            tenths, hundredths = rest[0], rest[1]
            words = f"{self.counted(whole, '元')}元" if whole.strip("0,") or rest == "00" else ""
            words += f"{DIGITS[int(tenths)]}角" if tenths != "0" else "零" if hundredths != "0" and words else ""
            return words + (f"{DIGITS[int(hundredths)]}分" if hundredths != "0" else "")
        return self.amount(match, "元") + name

    # Dates and times.

    def date(self, match: re.Match[str]) -> str | None:
        return self.spoken_date(int(match["d"]), int(match["m"]), match["y"])

    def spoken_date(self, day: int, month: int, year: str = "") -> str | None:
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return None
        return (f"{self.digits(year)}年" if year else "") + f"{chinese(month)}月{chinese(day)}日"

    def time(self, match: re.Match[str]) -> str | None:
        hour, minute, second = int(match["h"]), int(match["m"]), match["s"]
        if hour > 24:
            return None
        half = (match["half"] or "").lower()
        words = {"a": "上午", "p": "下午"}.get(half, "") + ("两" if hour == 2 else chinese(hour)) + "点"
        if minute or second:
            words += f"{'零' if minute < 10 else ''}{chinese(minute)}分" if minute else "零分"
        return words + (f"{chinese(int(second))}秒" if second else "")

    def ordinal_of(self, digits: str) -> str:
        return "第" + self.integer(digits)

    def say_as(self, kind: str, form: str, text: str) -> list[str] | None:
        if kind == "telephone" and any(c.isdecimal() for c in text):
            return self.dialled(text).split()
        return super().say_as(kind, form, text)


def chinese(number: int) -> str:
    """12005 -> 一万二千零五; a leading 2 before 千 万 亿 is 两. Below 10**16."""
    if number == 0:
        return "零"
    text = ""
    gap = False
    for power, name in ((12, "万亿"), (8, "亿"), (4, "万"), (0, "")):
        group = number // 10**power % 10**4
        if not group:
            gap = bool(text)
            continue
        if text and (gap or group < 1000):
            text += "零"
        said = "两" if group == 2 and name else _below(group)
        text += said + name
        gap = False
    return text.removeprefix("一") if text.startswith("一十") else text


def _below(number: int) -> str:
    """1 to 9999."""
    text = ""
    gap = False
    for value, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // value % 10
        if not digit:
            gap = bool(text)
            continue
        text += ("零" if gap else "") + ("两" if digit == 2 and name == "千" and not text else DIGITS[digit]) + name
        gap = False
    return text
