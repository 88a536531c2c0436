"""Tables of English: short forms, units, currencies, and what ends no sentence."""

from __future__ import annotations

from resonet.text.frontend.split import Dots, word_set

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
MONTH_NUMBERS = {
    **{name.capitalize(): i for i, name in enumerate(MONTHS, 1)}, "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "Jun": 6,
    "Jul": 7, "Aug": 8, "Sep": 9, "Sept": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip
MONTH_NUMBERS.update({name + ".": i for name, i in tuple(MONTH_NUMBERS.items()) if len(name) < 5 and name != "May"})

# Key with its dots, in lower case.
ABBREVIATIONS = {
    "mr.": "mister", "mr": "mister", "mrs.": "missus", "mrs": "missus", "ms.": "miz", "ms": "miz", "dr.": "doctor",
    "dr": "doctor", "st.": "saint", "st": "saint", "messrs.": "messieurs", "prof.": "professor", "rev.": "reverend",
    "hon.": "honorable", "gen.": "general", "col.": "colonel", "maj.": "major", "capt.": "captain", "lt.": "lieutenant",
    "lieut.": "lieutenant", "sgt.": "sergeant", "cpl.": "corporal", "pvt.": "private", "gov.": "governor",
    "sen.": "senator", "rep.": "representative", "pres.": "president", "supt.": "superintendent", "jr.": "junior",
    "jr": "junior", "sr.": "senior", "sr": "senior", "esq.": "esquire", "mt.": "mount", "ave.": "avenue",
    "blvd.": "boulevard", "blvd": "boulevard", "rd.": "road", "rd": "road", "ln.": "lane", "hwy.": "highway",
    "hwy": "highway", "sq.": "square", "apt.": "apartment", "bldg.": "building", "inc.": "incorporated",
    "inc": "incorporated", "ltd.": "limited", "ltd": "limited", "corp.": "corporation", "co.": "company",
    "bros.": "brothers", "dept.": "department", "univ.": "university", "assn.": "association", "etc.": "et cetera",
    "etc": "et cetera", "vs.": "versus", "vs": "versus", "approx.": "approximately", "est.": "established",
    "misc.": "miscellaneous", "max.": "maximum", "min.": "minimum", "avg.": "average", "e.g.": "for example",
    "e.g": "for example", "i.e.": "that is", "i.e": "that is", "cf.": "compare", "a.k.a.": "also known as",
    "p.s.": "P S", "ph.d.": "P H D", "ph.d": "P H D", "w/": "with", "w/o": "without", "c/o": "care of",
    "n/a": "not applicable", "tel.": "telephone", "ext.": "extension", "mon.": "monday", "tue.": "tuesday",
    "tues.": "tuesday", "wed.": "wednesday", "thu.": "thursday", "thur.": "thursday", "thurs.": "thursday",
    "fri.": "friday", "hrs.": "hours", "mins.": "minutes", "secs.": "seconds", "lbs.": "pounds", "oz.": "ounces",
    "yrs.": "years", "ft.": "feet",
}  # fmt: skip
# Those that are one only before a number: elsewhere "no." is a no at the end of a sentence.
BEFORE_NUMBERS = {
    "no.": "number", "nos.": "numbers", "p.": "page", "pp.": "pages", "vol.": "volume", "vols.": "volumes",
    "ch.": "chapter", "chap.": "chapter", "fig.": "figure", "figs.": "figures", "sec.": "section", "art.": "article",
    "para.": "paragraph", "op.": "opus", "ca.": "circa", "c.": "circa", "eq.": "equation", "pt.": "part",
    "rt.": "route",
}  # fmt: skip
# After a name or number: a street; before a name: what the second word says.
STREETS = {"st": ("street", "saint"), "dr": ("drive", "doctor")}

STARTERS = word_set(
    "the a an he she it they we you i this that these those there here in on at by for from when while if as after "
    "before but and or so yet then what who why how where which his her its their our my your one two some many "
    "most all no not now once since although though however meanwhile later today yesterday tomorrow according "
    "despite because with without under over to is are was were do does did has have had can could will would "
    "should"
)
DOTS = Dots(
    never=word_set(
        "mr mrs ms dr st messrs prof rev hon gen col maj capt lt lieut sgt cpl pvt gov sen rep pres supt mt vs cf "
        "e.g i.e approx est tel ext fig figs vol vols chap nos viz al"
    ),
    maybe=word_set(
        "jr sr esq ave blvd rd ln hwy inc ltd corp co bros dept univ etc p.s ph.d a.m p.m u.s u.k mon tue tues wed "
        "thu thur thurs fri jan feb mar apr jun jul aug sep sept oct nov dec hrs mins secs lbs oz yrs ft max min "
        "avg misc sq apt bldg assn"
    ),
    starters=STARTERS,
    numbered=frozenset(key.rstrip(".") for key in BEFORE_NUMBERS),
)

# Singular, and the plural where it is not with s.
UNITS = {
    "nm": "nanometer", "μm": "micrometer", "mm": "millimeter", "cm": "centimeter", "m": "meter", "km": "kilometer",
    "μg": "microgram", "mg": "milligram", "g": "gram", "kg": "kilogram", "t": "ton", "ml": "milliliter",
    "mL": "milliliter", "cl": "centiliter", "dl": "deciliter", "l": "liter", "L": "liter", "ha": "hectare",
    "ns": "nanosecond", "μs": "microsecond", "ms": "millisecond", "s": "second", "sec": "second", "secs": "second",
    "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "Hz": "hertz|hertz",
    "kHz": "kilohertz|kilohertz", "MHz": "megahertz|megahertz", "GHz": "gigahertz|gigahertz", "mW": "milliwatt",
    "W": "watt", "kW": "kilowatt", "MW": "megawatt", "GW": "gigawatt", "Wh": "watt hour", "kWh": "kilowatt hour",
    "MWh": "megawatt hour", "mV": "millivolt", "V": "volt", "kV": "kilovolt", "mA": "milliamp", "mAh": "milliamp hour",
    "kJ": "kilojoule", "cal": "calorie", "kcal": "kilocalorie", "kPa": "kilopascal", "hPa": "hectopascal",
    "Pa": "pascal", "bar": "bar", "dB": "decibel", "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte",
    "GB": "gigabyte", "TB": "terabyte", "PB": "petabyte", "kbps": "kilobit per second|kilobits per second",
    "kbit/s": "kilobit per second|kilobits per second", "Mbit/s": "megabit per second|megabits per second",
    "Mbps": "megabit per second|megabits per second", "Gbps": "gigabit per second|gigabits per second",
    "°C": "degree celsius|degrees celsius", "° C": "degree celsius|degrees celsius",
    "°F": "degree fahrenheit|degrees fahrenheit", "° F": "degree fahrenheit|degrees fahrenheit", "°": "degree",
    "mph": "mile per hour|miles per hour", "mpg": "mile per gallon|miles per gallon",
    "km/h": "kilometer per hour|kilometers per hour", "kph": "kilometer per hour|kilometers per hour",
    "kmh": "kilometer per hour|kilometers per hour", "m/s": "meter per second|meters per second",
    "m/s²": "meter per second squared|meters per second squared", "ft": "foot|feet", "in": "inch|inches",
    "tbsp": "tablespoon", "tsp": "teaspoon", "yd": "yard", "mi": "mile", "lb": "pound", "lbs": "pound", "oz": "ounce",
    "gal": "gallon", "sq ft": "square foot|square feet", "sq. ft": "square foot|square feet", "sq mi": "square mile",
    "px": "pixel", "rpm": "revolution per minute|revolutions per minute", "bpm": "beat per minute|beats per minute",
    "fps": "frame per second|frames per second", "ppm": "part per million|parts per million",
    "dpi": "dot per inch|dots per inch", "Ω": "ohm", "kΩ": "kiloohm", "‰": "per mille|per mille",
    "g/l": "gram per liter|grams per liter", "mg/l": "milligram per liter|milligrams per liter",
    "mg/dl": "milligram per deciliter|milligrams per deciliter",
}  # fmt: skip
for _unit in ("mm", "cm", "m", "km", "mi"):
    for _power, _name in (("²", "square"), ("2", "square"), ("^2", "square"), ("³", "cubic"), ("3", "cubic")):
        UNITS[_unit + _power] = f"{_name} {UNITS[_unit]}"
UNITS["ft²"] = UNITS["ft2"] = UNITS["ft^2"] = "square foot|square feet"
UNITS["ft³"] = UNITS["ft3"] = "cubic foot|cubic feet"

# One, many, a hundredth, hundredths.
Currency = tuple[str, str, str, str]


def _dollar(country: str = "") -> Currency:
    return f"{country} dollar".strip(), f"{country} dollars".strip(), "cent", "cents"


CURRENCIES: dict[str, Currency] = {
    "$": _dollar(), "US$": _dollar("U S"), "USD": _dollar("U S"), "C$": _dollar("canadian"), "CAD": _dollar("canadian"),
    "A$": _dollar("australian"), "AUD": _dollar("australian"), "HK$": _dollar("hong kong"),
    "NZ$": _dollar("new zealand"), "€": ("euro", "euros", "cent", "cents"), "EUR": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"), "GBP": ("british pound", "british pounds", "penny", "pence"),
    "¥": ("yen", "yen", "", ""), "JPY": ("yen", "yen", "", ""), "CNY": ("yuan", "yuan", "", ""),
    "RMB": ("yuan", "yuan", "", ""), "₹": ("rupee", "rupees", "paisa", "paise"),
    "INR": ("rupee", "rupees", "paisa", "paise"), "₩": ("won", "won", "", ""),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"), "CHF": ("swiss franc", "swiss francs", "centime", "centimes"),
    "¢": ("cent", "cents", "", ""), "₿": ("bitcoin", "bitcoins", "", ""),
}  # fmt: skip
SCALES = {
    "thousand": "thousand", "million": "million", "billion": "billion", "trillion": "trillion", "k": "thousand",
    "K": "thousand", "m": "million", "M": "million", "mn": "million", "mln": "million", "b": "billion", "B": "billion",
    "bn": "billion", "tn": "trillion", "T": "trillion",
}  # fmt: skip
DENOMINATORS = frozenset(
    (3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 24, 25, 30, 32, 40, 50, 60, 64, 100, 1000)
)
VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5),
    "⅙": (1, 6), "⅚": (5, 6), "⅐": (1, 7), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8), "⅑": (1, 9),
    "⅒": (1, 10),
}  # fmt: skip
# What one counts: 2050 of them are no year.
COUNTED = word_set(
    "dollars euros pounds people times men women children students workers feet miles meters kilometers words "
    "years months weeks days hours minutes seconds soldiers troops votes copies pages books cars items points "
    "units"
)
RULERS = word_set(
    "henry louis george edward charles james william richard elizabeth mary john paul pius benedict leo gregory "
    "clement innocent urban alexander catherine nicholas peter frederick philip ferdinand napoleon victoria "
    "francis wilhelm friedrich otto ivan alfonso sixtus julius boniface ramses ptolemy darius xerxes robert david "
    "christian gustav karl oscar haakon harald olav albert leopold"
)
PARTS = word_set(
    "chapter part volume book act scene section article war title phase stage class grade group level type "
    "appendix figure table plate number no canto verse psalm round step category league division vitamin hepatitis "
    "plan exhibit world bowl vol ch chap pt sec fig"
)
ACRONYMS = word_set(
    "nasa nato unesco unicef aids opec asean fifa uefa nafta laser radar sonar scuba ram rom pin sim ikea covid "
    "gif jpeg pdf-a swat wasp navy army ebola sars nascar basic cobol fortran lan wan gui ascii"
)
# Words of up to three letters that somebody may write in capitals for weight.
SHORT = word_set(
    "the and you not all any but can did for get god had has her him his how its let man may new no nor now off "
    "old one our out own put red run say see she so stop ten too top try two use way why win yes yet am an as at "
    "be by do go he if in is me my of oh ok on or to up we add ask bad big boy buy car cat day dog eat end far few "
    "fun got hey hot job key lot low mad men mix mom dad per pay sad set sex sir sit six son sun tea war was who "
    "won"
) - {"ok"}  # fmt: skip
# Could be said as words, but are not.
SPELLED = word_set("ieee isbn aaa ymca ywca uae usa eu uk ceo cia iou aol ios api ai url uri io ui ux eta")
JOINS = word_set("and but or nor because although though while when where which who that if unless until since so")

NAMES = {
    ".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "#": "hash",
    "?": "question mark", "=": "equals", "&": "and", "+": "plus", "%": "percent", "~": "tilde", ",": "comma",
    ";": "semicolon", "!": "exclamation mark", "*": "star", "'": "apostrophe", '"': "quote", "(": "open parenthesis",
    ")": "close parenthesis", "$": "dollar", "\\": "backslash",
}  # fmt: skip
SIGNS = {
    "&": "and", "@": "at", "%": "percent", "+": "plus", "=": "equals", "×": "times", "÷": "divided by",
    "±": "plus or minus", "≈": "approximately equals", "≠": "is not equal to", "≤": "less than or equal to",
    "≥": "greater than or equal to", "°": "degrees", "§": "section", "¶": "paragraph", "©": "copyright",
    "®": "registered", "™": "trademark", "€": "euro", "$": "dollar", "£": "pound", "¥": "yen", "¢": "cent",
    "√": "square root of", "∞": "infinity", "π": "pi", "μ": "mu", "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta",
    "λ": "lambda", "σ": "sigma", "ω": "omega", "Δ": "delta", "Σ": "sigma", "Ω": "ohm", "№": "number",
    "^": "to the power of", "\\": "backslash", "‰": "per mille", "→": "to", "∑": "sum of", "∈": "in", "²": "squared",
    "³": "cubed",
}  # fmt: skip
